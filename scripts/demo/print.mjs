/** How the demo speaks: plain lines, with a little colour on a terminal. */
import { styleText } from 'node:util';

const isTerminal = process.stdout.isTTY === true && !process.env.NO_COLOR;

const style = (name, text) => (isTerminal ? styleText(name, text) : text);
export const bold = (text) => style('bold', text);
export const dim = (text) => style('dim', text);
export const good = (text) => style('green', text);
export const bad = (text) => style('red', text);

export const ms = (value) => `${value < 100 ? value.toFixed(1) : Math.round(value)} ms`;

export function line(text = '') {
  process.stdout.write(`${text}\n`);
}

/** Rows of cells as aligned columns; the first row is the head. Cells after the first are set to the right. */
export function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const text = (row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  line(`  ${bold(text(rows[0]))}`);
  for (const row of rows.slice(1)) line(`  ${text(row)}`);
}
