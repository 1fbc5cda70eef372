/** The words behind `portolan template` that look at templates rather than run them: one line each. */
import type { Command } from 'commander';
import type { Io } from './command.ts';
import { defineExplain } from './template-explain.ts';
import { defineInit } from './template-init.ts';
import { defineLint } from './template-lint.ts';
import { defineStatus } from './template-status.ts';

export function defineTemplateTools(command: Command, io: Io, exit: (code: number) => void): void {
  defineExplain(command, io, exit);
  defineInit(command, io);
  defineLint(command, io, exit);
  defineStatus(command, io, exit);
}
