// ARMv6-M 16-bit Thumb opcodes to operation numbers: one table look-up per instruction instead of a chain
// of comparisons. Encodings: ARMv6-M Architecture Reference Manual, section A5.2.

const names = [
  'UNDEFINED', 'LSL_IMM', 'LSR_IMM', 'ASR_IMM', 'ADD_REG', 'SUB_REG', 'ADD_IMM3', 'SUB_IMM3',
  'MOV_IMM', 'CMP_IMM', 'ADD_IMM8', 'SUB_IMM8',
  'AND', 'EOR', 'LSL', 'LSR', 'ASR', 'ADC', 'SBC', 'ROR', 'TST', 'RSB', 'CMP', 'CMN', 'ORR', 'MUL', 'BIC', 'MVN',
  'ADD_HIGH', 'CMP_HIGH', 'MOV_HIGH', 'BX', 'BLX', 'LDR_LITERAL',
  'STR_REG', 'STRH_REG', 'STRB_REG', 'LDRSB_REG', 'LDR_REG', 'LDRH_REG', 'LDRB_REG', 'LDRSH_REG',
  'STR_IMM', 'LDR_IMM', 'STRB_IMM', 'LDRB_IMM', 'STRH_IMM', 'LDRH_IMM', 'STR_SP', 'LDR_SP',
  'ADR', 'ADD_SP', 'ADJUST_SP_UP', 'ADJUST_SP_DOWN', 'SXTH', 'SXTB', 'UXTH', 'UXTB',
  'PUSH', 'POP', 'CPS', 'REV', 'REV16', 'REVSH', 'BKPT', 'HINT', 'STM', 'LDM',
  'BEQ', 'BNE', 'BCS', 'BCC', 'BMI', 'BPL', 'BVS', 'BVC', 'BHI', 'BLS', 'BGE', 'BLT', 'BGT', 'BLE', 'SVC', 'B', 'WIDE',
];

export const Op = Object.freeze(Object.fromEntries(names.map((name, number) => [name, number])));

// From the most significant bits on: the first pattern that fits is the instruction.
const patterns = [
  ['00000', 'LSL_IMM'], ['00001', 'LSR_IMM'], ['00010', 'ASR_IMM'],
  ['0001100', 'ADD_REG'], ['0001101', 'SUB_REG'], ['0001110', 'ADD_IMM3'], ['0001111', 'SUB_IMM3'],
  ['00100', 'MOV_IMM'], ['00101', 'CMP_IMM'], ['00110', 'ADD_IMM8'], ['00111', 'SUB_IMM8'],
  ...['AND', 'EOR', 'LSL', 'LSR', 'ASR', 'ADC', 'SBC', 'ROR', 'TST', 'RSB', 'CMP', 'CMN', 'ORR', 'MUL', 'BIC', 'MVN']
    .map((name, number) => ['010000' + number.toString(2).padStart(4, '0'), name]),
  ['01000100', 'ADD_HIGH'], ['01000101', 'CMP_HIGH'], ['01000110', 'MOV_HIGH'],
  ['010001110', 'BX'], ['010001111', 'BLX'], ['01001', 'LDR_LITERAL'],
  ['0101000', 'STR_REG'], ['0101001', 'STRH_REG'], ['0101010', 'STRB_REG'], ['0101011', 'LDRSB_REG'],
  ['0101100', 'LDR_REG'], ['0101101', 'LDRH_REG'], ['0101110', 'LDRB_REG'], ['0101111', 'LDRSH_REG'],
  ['01100', 'STR_IMM'], ['01101', 'LDR_IMM'], ['01110', 'STRB_IMM'], ['01111', 'LDRB_IMM'],
  ['10000', 'STRH_IMM'], ['10001', 'LDRH_IMM'], ['10010', 'STR_SP'], ['10011', 'LDR_SP'],
  ['10100', 'ADR'], ['10101', 'ADD_SP'], ['101100000', 'ADJUST_SP_UP'], ['101100001', 'ADJUST_SP_DOWN'],
  ['1011001000', 'SXTH'], ['1011001001', 'SXTB'], ['1011001010', 'UXTH'], ['1011001011', 'UXTB'],
  ['1011010', 'PUSH'], ['10110110011', 'CPS'], ['1011101000', 'REV'], ['1011101001', 'REV16'], ['1011101011', 'REVSH'],
  ['1011110', 'POP'], ['10111110', 'BKPT'], ['10111111', 'HINT'], ['11000', 'STM'], ['11001', 'LDM'],
  ...['BEQ', 'BNE', 'BCS', 'BCC', 'BMI', 'BPL', 'BVS', 'BVC', 'BHI', 'BLS', 'BGE', 'BLT', 'BGT', 'BLE', 'UNDEFINED', 'SVC']
    .map((name, number) => ['1101' + number.toString(2).padStart(4, '0'), name]),
  ['11100', 'B'], ['11110', 'WIDE'],
];

export const operations = new Uint8Array(65536);
for (const [bits, name] of patterns) {
  const shift = 16 - bits.length;
  const start = parseInt(bits, 2) << shift;
  operations.fill(Op[name], start, start + (1 << shift));
}
