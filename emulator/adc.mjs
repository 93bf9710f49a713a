// What the ADC's inputs carry: slow waves, the same in every run, as on the host build. Channel 4 is the chip's own
// temperature sensor, around 27 degrees Celsius (RP2040 datasheet, 4.9.5).

const FULL_SCALE = 4095, VOLTS = 3.3;
const SENSOR = 4, SENSOR_AT_27 = 0.706, SENSOR_PER_DEGREE = -0.001721, SWING = 3;

// For rp2040js's adc.channelValues; `now` tells the emulated time in seconds.
export function analogInputs(now) {
  const volts = (channel) => {
    const wave = Math.sin(now() / 5 + channel);
    return channel === SENSOR ? SENSOR_AT_27 + SENSOR_PER_DEGREE * SWING * wave : VOLTS * (0.5 + 0.25 * wave);
  };
  return [0, 1, 2, 3, SENSOR].reduce((inputs, channel) => Object.defineProperty(inputs, channel, {
    get: () => Math.round(volts(channel) / VOLTS * FULL_SCALE),
  }), {});
}
