import { rmSync, writeFileSync } from 'node:fs';
import { fileProblem } from '../lib/file-problem.ts';
import { AgentError } from './errors.ts';

/** Writes this process's ID; the returned function takes the file away. Throws AgentError `pid-file`. */
export function writePidFile(path: string): () => void {
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (cause) {
    const text = `pid_file ${path}: ${fileProblem(cause)}; choose another with -pid-file`;
    throw new AgentError('pid-file', text, { cause });
  }
  return () => rmSync(path, { force: true });
}
