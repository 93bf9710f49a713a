// The instruction loop: one function, because its state must stay in the processor's registers.
//
// V8 makes a jump table of a switch only if its cases are literal numbers. So that the source can have names,
// withLiterals() replaces them in the function's own text before it is compiled.

import { Op, operations } from './decode.mjs';
import { Fault } from './fault.mjs';

const numbers = { RAM: 0x20000000, FLASH: 0x10000000, SP: 13, LR: 14 };

function withLiterals(fn) {
  const text = fn.toString()
    .replace(/\bOp\.(\w+)\b/g, (_, name) => Op[name])
    .replace(/\b(RAM|FLASH|SP|LR)\b/g, (name) => numbers[name]);
  return new Function('operations', 'Fault', `return ${text};`)(operations, Fault);
}

// Runs until `limit` cycles are spent, or sooner if something else needs attention.
export const execute = withLiterals(function execute(limit) {
  this.limit = limit;
  const { R, ram8, ram16, ram32, flash8, flash16, flash32, profile } = this;
  const ramSize = ram8.length;
  const flashSize = flash8.length;
  let { pc, n, z, c, v } = this;
  let spent = this.spent;
  let code = this.codeAt(pc);
  const mask = 0x0fffffff;

  try {
    while (spent < limit) {
      const at = pc;
      const before = spent;
      const i = code[(pc & mask) >> 1];
      pc += 2;
      spent++;
      switch (operations[i]) {
        case Op.LSL_IMM: {
          const s = (i >> 6) & 31;
          const a = R[(i >> 3) & 7];
          if (s !== 0) c = (a >>> (32 - s)) & 1;
          R[i & 7] = n = z = a << s;
          break;
        }
        case Op.LSR_IMM: {
          const s = (i >> 6) & 31;
          const a = R[(i >> 3) & 7];
          c = (a >>> (s === 0 ? 31 : s - 1)) & 1;
          R[i & 7] = n = z = s === 0 ? 0 : (a >>> s) | 0;
          break;
        }
        case Op.ASR_IMM: {
          const s = (i >> 6) & 31;
          const a = R[(i >> 3) & 7];
          c = (a >>> (s === 0 ? 31 : s - 1)) & 1;
          R[i & 7] = n = z = a >> (s === 0 ? 31 : s);
          break;
        }
        case Op.ADD_REG: {
          const a = R[(i >> 3) & 7], b = R[(i >> 6) & 7], r = (a + b) | 0;
          c = r >>> 0 < a >>> 0 ? 1 : 0;
          v = (a ^ r) & (b ^ r);
          R[i & 7] = n = z = r;
          break;
        }
        case Op.SUB_REG: {
          const a = R[(i >> 3) & 7], b = R[(i >> 6) & 7], r = (a - b) | 0;
          c = a >>> 0 >= b >>> 0 ? 1 : 0;
          v = (a ^ b) & (a ^ r);
          R[i & 7] = n = z = r;
          break;
        }
        case Op.ADD_IMM3: {
          const a = R[(i >> 3) & 7], r = (a + ((i >> 6) & 7)) | 0;
          c = r >>> 0 < a >>> 0 ? 1 : 0;
          v = ~a & r;
          R[i & 7] = n = z = r;
          break;
        }
        case Op.SUB_IMM3: {
          const a = R[(i >> 3) & 7], b = (i >> 6) & 7, r = (a - b) | 0;
          c = a >>> 0 >= b ? 1 : 0;
          v = a & ~r;
          R[i & 7] = n = z = r;
          break;
        }
        case Op.MOV_IMM:
          R[(i >> 8) & 7] = n = z = i & 0xff;
          break;
        case Op.CMP_IMM: {
          const a = R[(i >> 8) & 7], b = i & 0xff, r = (a - b) | 0;
          c = a >>> 0 >= b ? 1 : 0;
          v = a & ~r;
          n = z = r;
          break;
        }
        case Op.ADD_IMM8: {
          const a = R[(i >> 8) & 7], r = (a + (i & 0xff)) | 0;
          c = r >>> 0 < a >>> 0 ? 1 : 0;
          v = ~a & r;
          R[(i >> 8) & 7] = n = z = r;
          break;
        }
        case Op.SUB_IMM8: {
          const a = R[(i >> 8) & 7], b = i & 0xff, r = (a - b) | 0;
          c = a >>> 0 >= b ? 1 : 0;
          v = a & ~r;
          R[(i >> 8) & 7] = n = z = r;
          break;
        }
        case Op.AND:
          R[i & 7] = n = z = R[i & 7] & R[(i >> 3) & 7];
          break;
        case Op.EOR:
          R[i & 7] = n = z = R[i & 7] ^ R[(i >> 3) & 7];
          break;
        case Op.LSL: {
          const s = R[(i >> 3) & 7] & 0xff, a = R[i & 7];
          if (s !== 0) c = s > 32 ? 0 : (a >>> (32 - s)) & 1;
          R[i & 7] = n = z = s < 32 ? a << s : 0;
          break;
        }
        case Op.LSR: {
          const s = R[(i >> 3) & 7] & 0xff, a = R[i & 7];
          if (s !== 0) c = s > 32 ? 0 : (a >>> (s - 1)) & 1;
          R[i & 7] = n = z = s < 32 ? (a >>> s) | 0 : 0;
          break;
        }
        case Op.ASR: {
          const s = R[(i >> 3) & 7] & 0xff, a = R[i & 7];
          if (s !== 0) c = (a >>> (s < 32 ? s - 1 : 31)) & 1;
          R[i & 7] = n = z = a >> (s < 32 ? s : 31);
          break;
        }
        case Op.ADC: {
          const a = R[i & 7], b = R[(i >> 3) & 7], sum = (a >>> 0) + (b >>> 0) + c, r = sum | 0;
          c = sum > 0xffffffff ? 1 : 0;
          v = (a ^ r) & (b ^ r);
          R[i & 7] = n = z = r;
          break;
        }
        case Op.SBC: {
          const a = R[i & 7], b = ~R[(i >> 3) & 7], sum = (a >>> 0) + (b >>> 0) + c, r = sum | 0;
          c = sum > 0xffffffff ? 1 : 0;
          v = (a ^ r) & (b ^ r);
          R[i & 7] = n = z = r;
          break;
        }
        case Op.ROR: {
          const s = R[(i >> 3) & 7] & 0xff, a = R[i & 7], r = (a >>> (s & 31)) | (a << (-s & 31));
          if (s !== 0) c = r >>> 31;
          R[i & 7] = n = z = r;
          break;
        }
        case Op.TST:
          n = z = R[i & 7] & R[(i >> 3) & 7];
          break;
        case Op.RSB: {
          const b = R[(i >> 3) & 7], r = -b | 0;
          c = b === 0 ? 1 : 0;
          v = b & r;
          R[i & 7] = n = z = r;
          break;
        }
        case Op.CMP: {
          const a = R[i & 7], b = R[(i >> 3) & 7], r = (a - b) | 0;
          c = a >>> 0 >= b >>> 0 ? 1 : 0;
          v = (a ^ b) & (a ^ r);
          n = z = r;
          break;
        }
        case Op.CMN: {
          const a = R[i & 7], b = R[(i >> 3) & 7], r = (a + b) | 0;
          c = r >>> 0 < a >>> 0 ? 1 : 0;
          v = (a ^ r) & (b ^ r);
          n = z = r;
          break;
        }
        case Op.ORR:
          R[i & 7] = n = z = R[i & 7] | R[(i >> 3) & 7];
          break;
        case Op.MUL:
          R[i & 7] = n = z = Math.imul(R[i & 7], R[(i >> 3) & 7]);
          break;
        case Op.BIC:
          R[i & 7] = n = z = R[i & 7] & ~R[(i >> 3) & 7];
          break;
        case Op.MVN:
          R[i & 7] = n = z = ~R[(i >> 3) & 7];
          break;

        case Op.ADD_HIGH: {
          const d = (i & 7) | ((i >> 4) & 8), m = (i >> 3) & 15;
          const b = m === 15 ? at + 4 : R[m];
          if (d === 15) {
            pc = (at + 4 + b) & ~1;
            code = this.codeAt(pc);
            spent++;
          } else {
            R[d] = d === SP ? (R[d] + b) & ~3 : R[d] + b;
          }
          break;
        }
        case Op.CMP_HIGH: {
          const m = (i >> 3) & 15;
          const a = R[(i & 7) | ((i >> 4) & 8)], b = R[m], r = (a - b) | 0;
          c = a >>> 0 >= b >>> 0 ? 1 : 0;
          v = (a ^ b) & (a ^ r);
          n = z = r;
          break;
        }
        case Op.MOV_HIGH: {
          const d = (i & 7) | ((i >> 4) & 8), m = (i >> 3) & 15;
          const b = m === 15 ? at + 4 : R[m];
          if (d === 15) {
            pc = b & ~1;
            code = this.codeAt(pc);
            spent++;
          } else {
            R[d] = d === SP ? b & ~3 : b;
          }
          break;
        }
        case Op.BLX:
        case Op.BX: {
          const target = R[(i >> 3) & 15];
          spent++;
          if (operations[i] === Op.BLX) R[LR] = pc | 1;
          if (target >>> 28 === 15) {
            this.pc = pc; this.n = n; this.z = z; this.c = c; this.v = v; this.spent = spent;
            this.exceptionReturn(target);
            ({ pc, n, z, c, v, spent } = this);
            code = this.codeAt(pc);
            limit = this.afterAccess();
            break;
          }
          if ((target & 1) === 0) throw new Fault('jump to ARM code', target);
          if ((target ^ pc) >>> 28 !== 0) code = this.codeAt(target);
          pc = target & ~1;
          break;
        }

        case Op.LDR_LITERAL: {         // literals lie beside the code
          const k = ((((at + 4) & ~3) + ((i & 0xff) << 2)) & mask) >> 1;
          spent++;
          R[(i >> 8) & 7] = code[k] | (code[k + 1] << 16);
          break;
        }
        case Op.LDR_SP:
        case Op.LDR_REG:
        case Op.LDR_IMM: {
          const op = operations[i];
          const a = op === Op.LDR_IMM ? (R[(i >> 3) & 7] + ((i >> 4) & 0x7c)) | 0
            : op === Op.LDR_SP ? (R[SP] + ((i & 0xff) << 2)) | 0 : (R[(i >> 3) & 7] + R[(i >> 6) & 7]) | 0;
          const t = op === Op.LDR_SP ? (i >> 8) & 7 : i & 7;
          const o = (a ^ RAM) >>> 0;
          const f = (a ^ FLASH) >>> 0;
          spent++;
          if (o < ramSize && (a & 3) === 0) {
            R[t] = ram32[o >> 2];
          } else if (f < flashSize && (a & 3) === 0) {
            R[t] = flash32[f >> 2];
          } else {
            this.spent = spent;
            R[t] = this.read(a, 4);
            limit = this.afterAccess();
            spent = this.spent;
          }
          break;
        }
        case Op.LDRH_REG:
        case Op.LDRSH_REG:
        case Op.LDRH_IMM: {
          const op = operations[i];
          const a = (R[(i >> 3) & 7] + (op === Op.LDRH_IMM ? (i >> 5) & 0x3e : R[(i >> 6) & 7])) | 0;
          const o = (a ^ RAM) >>> 0;
          const f = (a ^ FLASH) >>> 0;
          let value;
          spent++;
          if (o < ramSize && (a & 1) === 0) {
            value = ram16[o >> 1];
          } else if (f < flashSize && (a & 1) === 0) {
            value = flash16[f >> 1];
          } else {
            this.spent = spent;
            value = this.read(a, 2);
            limit = this.afterAccess();
            spent = this.spent;
          }
          R[i & 7] = op === Op.LDRSH_REG ? (value << 16) >> 16 : value;
          break;
        }
        case Op.LDRB_REG:
        case Op.LDRSB_REG:
        case Op.LDRB_IMM: {
          const op = operations[i];
          const a = (R[(i >> 3) & 7] + (op === Op.LDRB_IMM ? (i >> 6) & 31 : R[(i >> 6) & 7])) | 0;
          const o = (a ^ RAM) >>> 0;
          const f = (a ^ FLASH) >>> 0;
          let value;
          spent++;
          if (o < ramSize) {
            value = ram8[o];
          } else if (f < flashSize) {
            value = flash8[f];
          } else {
            this.spent = spent;
            value = this.read(a, 1);
            limit = this.afterAccess();
            spent = this.spent;
          }
          R[i & 7] = op === Op.LDRSB_REG ? (value << 24) >> 24 : value;
          break;
        }
        case Op.STR_SP:
        case Op.STR_REG:
        case Op.STR_IMM: {
          const op = operations[i];
          const a = op === Op.STR_IMM ? (R[(i >> 3) & 7] + ((i >> 4) & 0x7c)) | 0
            : op === Op.STR_SP ? (R[SP] + ((i & 0xff) << 2)) | 0 : (R[(i >> 3) & 7] + R[(i >> 6) & 7]) | 0;
          const t = op === Op.STR_SP ? (i >> 8) & 7 : i & 7;
          const o = (a ^ RAM) >>> 0;
          spent++;
          if (o < ramSize && (a & 3) === 0) {
            ram32[o >> 2] = R[t];
          } else {
            this.spent = spent;
            this.write(a, R[t], 4);
            limit = this.afterAccess();
            spent = this.spent;
          }
          break;
        }
        case Op.STRH_REG:
        case Op.STRH_IMM: {
          const a = (R[(i >> 3) & 7] + (operations[i] === Op.STRH_IMM ? (i >> 5) & 0x3e : R[(i >> 6) & 7])) | 0;
          const o = (a ^ RAM) >>> 0;
          spent++;
          if (o < ramSize && (a & 1) === 0) {
            ram16[o >> 1] = R[i & 7];
          } else {
            this.spent = spent;
            this.write(a, R[i & 7], 2);
            limit = this.afterAccess();
            spent = this.spent;
          }
          break;
        }
        case Op.STRB_REG:
        case Op.STRB_IMM: {
          const a = (R[(i >> 3) & 7] + (operations[i] === Op.STRB_IMM ? (i >> 6) & 31 : R[(i >> 6) & 7])) | 0;
          const o = (a ^ RAM) >>> 0;
          spent++;
          if (o < ramSize) {
            ram8[o] = R[i & 7];
          } else {
            this.spent = spent;
            this.write(a, R[i & 7], 1);
            limit = this.afterAccess();
            spent = this.spent;
          }
          break;
        }

        case Op.ADR:
          R[(i >> 8) & 7] = ((at + 4) & ~3) + ((i & 0xff) << 2);
          break;
        case Op.ADD_SP:
          R[(i >> 8) & 7] = R[SP] + ((i & 0xff) << 2);
          break;
        case Op.ADJUST_SP_UP:
          R[SP] += (i & 0x7f) << 2;
          break;
        case Op.ADJUST_SP_DOWN:
          R[SP] -= (i & 0x7f) << 2;
          break;
        case Op.SXTH:
          R[i & 7] = (R[(i >> 3) & 7] << 16) >> 16;
          break;
        case Op.SXTB:
          R[i & 7] = (R[(i >> 3) & 7] << 24) >> 24;
          break;
        case Op.UXTH:
          R[i & 7] = R[(i >> 3) & 7] & 0xffff;
          break;
        case Op.UXTB:
          R[i & 7] = R[(i >> 3) & 7] & 0xff;
          break;
        case Op.REV: {
          const a = R[(i >> 3) & 7];
          R[i & 7] = (a << 24) | ((a & 0xff00) << 8) | ((a >>> 8) & 0xff00) | (a >>> 24);
          break;
        }
        case Op.REV16: {
          const a = R[(i >> 3) & 7];
          R[i & 7] = ((a & 0x00ff00ff) << 8) | ((a >>> 8) & 0x00ff00ff);
          break;
        }
        case Op.REVSH: {
          const a = R[(i >> 3) & 7];
          R[i & 7] = ((a << 24) >> 16) | ((a >>> 8) & 0xff);
          break;
        }

        case Op.PUSH: {
          let a = R[SP];
          if (i & 0x100) ram32[this.stackIndex((a -= 4))] = R[LR];
          for (let k = 7; k >= 0; k--) {
            if (i & (1 << k)) ram32[this.stackIndex((a -= 4))] = R[k];
          }
          spent += (R[SP] - a) >> 2;
          R[SP] = a;
          break;
        }
        case Op.POP: {
          let a = R[SP];
          for (let k = 0; k < 8; k++) {
            if ((i & (1 << k)) === 0) continue;
            R[k] = ram32[this.stackIndex(a)];
            a += 4;
            spent++;
          }
          if ((i & 0x100) === 0) {
            R[SP] = a;
            break;
          }
          const target = ram32[this.stackIndex(a)];
          R[SP] = a + 4;
          spent += 2;
          if (target >>> 28 === 15) {
            this.pc = pc; this.n = n; this.z = z; this.c = c; this.v = v; this.spent = spent;
            this.exceptionReturn(target);
            ({ pc, n, z, c, v, spent } = this);
            code = this.codeAt(pc);
            limit = this.afterAccess();
            break;
          }
          if ((target & 1) === 0) throw new Fault('return to ARM code', target);
          if ((target ^ pc) >>> 28 !== 0) code = this.codeAt(target);
          pc = target & ~1;
          break;
        }
        case Op.STM: {
          const base = (i >> 8) & 7;
          let a = R[base];
          for (let k = 0; k < 8; k++) {
            if ((i & (1 << k)) === 0) continue;
            const o = (a ^ RAM) >>> 0;
            spent++;
            if (o < ramSize && (a & 3) === 0) {
              ram32[o >> 2] = R[k];
            } else {
              this.spent = spent;
              this.write(a, R[k], 4);
              limit = this.afterAccess();
              spent = this.spent;
            }
            a += 4;
          }
          R[base] = a;
          break;
        }
        case Op.LDM: {
          const base = (i >> 8) & 7;
          let a = R[base];
          for (let k = 0; k < 8; k++) {
            if ((i & (1 << k)) === 0) continue;
            const o = (a ^ RAM) >>> 0;
            const f = (a ^ FLASH) >>> 0;
            spent++;
            if (o < ramSize && (a & 3) === 0) {
              R[k] = ram32[o >> 2];
            } else if (f < flashSize && (a & 3) === 0) {
              R[k] = flash32[f >> 2];
            } else {
              this.spent = spent;
              R[k] = this.read(a, 4);
              limit = this.afterAccess();
              spent = this.spent;
            }
            a += 4;
          }
          if ((i & (1 << base)) === 0) R[base] = a;
          break;
        }

        case Op.BEQ: if (z === 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.BNE: if (z !== 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.BCS: if (c !== 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.BCC: if (c === 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.BMI: if (n < 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.BPL: if (n >= 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.BVS: if (v < 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.BVC: if (v >= 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.BHI: if (c !== 0 && z !== 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.BLS: if (c === 0 || z === 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.BGE: if ((n ^ v) >= 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.BLT: if ((n ^ v) < 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.BGT: if (z !== 0 && (n ^ v) >= 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.BLE: if (z === 0 || (n ^ v) < 0) { pc = at + 4 + ((i << 24) >> 23); spent++; } break;
        case Op.B:
          pc = at + 4 + ((i << 21) >> 20);
          spent++;
          break;

        case Op.WIDE: {
          const j = code[(pc & mask) >> 1];
          pc += 2;
          spent += 2;
          if ((j & 0xd000) === 0xd000) {
            const s = (i << 21) >> 31;
            const high = (((~(j >> 13) ^ s) & 1) << 23) | (((~(j >> 11) ^ s) & 1) << 22);
            R[LR] = pc | 1;
            pc += (s << 24) | high | ((i & 0x3ff) << 12) | ((j & 0x7ff) << 1);
            break;
          }
          this.pc = pc; this.n = n; this.z = z; this.c = c; this.v = v; this.spent = spent;
          this.system(i, j, at);
          ({ n, z, c, v } = this);
          limit = this.afterAccess();
          break;
        }
        case Op.CPS:
          this.primask = (i >> 4) & 1;
          if (this.primask === 0) {
            this.interruptsUpdated = true;
            this.spent = spent;
            limit = this.afterAccess();
          }
          break;
        case Op.SVC:
          this.pendingSVCall = true;
          this.interruptsUpdated = true;
          this.spent = spent;
          limit = this.afterAccess();
          break;
        case Op.HINT:
          this.spent = spent;
          this.hint((i >> 4) & 15);
          if (this.waiting) limit = this.limit = spent;
          break;
        case Op.BKPT:
          this.pc = pc; this.n = n; this.z = z; this.c = c; this.v = v; this.spent = spent;
          this.onBreakpoint(i & 0xff);
          limit = this.afterAccess();
          break;
        default:
          throw new Fault(`undefined instruction ${(i ?? 0).toString(16)}`, at);
      }
      if (profile !== null) profile.add(at, spent - before, this.IPSR);
    }
  } catch (error) {
    if (error instanceof Fault) error.at = (pc - 2) >>> 0;
    throw error;
  } finally {
    this.pc = pc; this.n = n; this.z = z; this.c = c; this.v = v; this.spent = spent;
  }
});
