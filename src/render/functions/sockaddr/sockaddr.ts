/**
 * sockaddr: questions about this machine's addresses, in a small language of their own inside `{{ }}`
 * (`GetPrivateInterfaces | include "name" "eth" | attr "address"`). It runs on the template engine itself.
 * Source: github.com/hashicorp/go-sockaddr template.
 */
import { defineFunction, defineStruct, functionMap } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';
import { quote } from '../../../template/quote.ts';
import { executeTemplate, parseTemplate } from '../../../template/template.ts';
import { sliceOf } from '../../../template/types.ts';
import type { StructType } from '../../../template/types.ts';
import { Int, Slice, Struct, typeName } from '../../../template/values.ts';
import type { Value } from '../../../template/values.ts';
import { compileGoRegexp } from '../../../lib/go-regexp.ts';
import { addressAttribute, addressText, ipText } from './address.ts';
import { allInterfaces, interfaceText } from './interfaces.ts';
import type { InterfaceAddress } from './interfaces.ts';
import { calculate } from './math.ts';
import {
  defaultInterfaces,
  forwardable,
  ofKind,
  reachableInterfaces,
  sortBy,
  split,
  uniqueBy,
} from './select.ts';

const interfaceType: StructType = defineStruct<InterfaceAddress>({
  name: 'sockaddr.IfAddr',
  fields: {
    Index: { type: 'int', get: (row) => row.index },
    MTU: { type: 'int', get: (row) => row.mtu },
    Name: { type: 'string', get: (row) => row.name },
    HardwareAddr: { type: 'string', get: (row) => row.mac },
    Flags: { type: 'string', get: (row) => row.flags.join('|') },
  },
  text: interfaceText,
});
const listType = sliceOf(interfaceType, 'sockaddr.IfAddrs');

export const sockaddrFunctions: readonly GoFunction[] = [
  defineFunction('sockaddr', { params: ['...string'], result: 'string' }, (...words) =>
    evaluate(`{{ ${words.join(' ')} }}`),
  ),
];

function evaluate(text: string): string {
  const shown = quote(text, true);
  let doing = `unable to parse template ${shown}`;
  try {
    const template = parseTemplate('sockaddr.Parse', text, { functions: language });
    doing = `unable to execute sockaddr input ${shown}`;
    return executeTemplate(template, {
      functions: language,
      missingKey: 'error',
      data: list(allInterfaces()),
    });
  } catch (error) {
    throw new Error(`${doing}: ${(error as Error).message}`, { cause: error });
  }
}

function list(rows: readonly InterfaceAddress[]): Slice {
  return new Slice(
    listType,
    rows.map((row) => new Struct(interfaceType, row, false)),
  );
}

function rowsOf(value: Value): readonly InterfaceAddress[] {
  return (value as Slice).items.map((item) => (item as Struct).source as InterfaceAddress);
}

const language: ReadonlyMap<string, GoFunction> = functionMap(
  source('GetAllInterfaces', allInterfaces),
  source('GetDefaultInterfaces', defaultInterfaces),
  source('GetPrivateInterfaces', () => reachableInterfaces('private')),
  source('GetPublicInterfaces', () => reachableInterfaces('public')),
  text('GetPrivateIP', () => ips(reachableInterfaces('private').slice(0, 1))),
  text('GetPublicIP', () => ips(reachableInterfaces('public').slice(0, 1))),
  text('GetPrivateIPs', () => ips(forwardable(ofKind('private', sortBy('type,size', allInterfaces()))))),
  text('GetPublicIPs', () => ips(ofKind('public', sortBy('type,size', allInterfaces())))),
  defineFunction('GetInterfaceIP', { params: ['string'], result: 'string' }, (pattern) =>
    ips(sortBy('+type,+size', forwardable(named(pattern))).slice(0, 1)),
  ),
  defineFunction('GetInterfaceIPs', { params: ['string'], result: 'string' }, (pattern) =>
    ips(sortBy('+type,+size', named(pattern))),
  ),
  defineFunction(
    'include',
    { params: ['string', 'string', listType], result: listType },
    (selector, what, all) => list(split('include', selector, what, rowsOf(all)).matched),
  ),
  defineFunction(
    'exclude',
    { params: ['string', 'string', listType], result: listType },
    (selector, what, all) => list(split('exclude', selector, what, rowsOf(all)).rest),
  ),
  defineFunction('sort', { params: ['string', listType], result: listType }, (clauses, all) =>
    list(sortBy(clauses, rowsOf(all))),
  ),
  defineFunction('unique', { params: ['string', listType], result: listType }, (attribute, all) =>
    list(uniqueBy(attribute, rowsOf(all))),
  ),
  defineFunction('limit', { params: ['uint', listType], result: listType }, (count, all) =>
    list(rowsOf(all).slice(0, Number((count as Int).value))),
  ),
  defineFunction('offset', { params: ['int', listType], result: listType }, (count, all) =>
    list(offset(Number(count instanceof Int ? count.value : count), rowsOf(all))),
  ),
  defineFunction(
    'math',
    { params: ['string', 'string', listType], result: listType },
    (operation, value, all) =>
      list(
        rowsOf(all).map((row) => {
          try {
            return { ...row, address: calculate(operation, value, row.address) };
          } catch (error) {
            const reason = (error as Error).message;
            throw new Error(`unable to perform an IPMath operation on ${interfaceText(row)}: ${reason}`, {
              cause: error,
            });
          }
        }),
      ),
  ),
  defineFunction(
    'join',
    { params: ['string', 'string', listType], result: 'string' },
    (name, separator, all) =>
      rowsOf(all)
        .map((row) => attribute(row, name))
        .join(separator),
  ),
  defineFunction('attr', { params: ['string', 'any'], result: 'string' }, (name, value) => {
    if (value instanceof Struct && value.type === interfaceType) {
      return attribute(value.source as InterfaceAddress, name);
    }
    if (value instanceof Slice && value.type === listType) {
      const [first] = rowsOf(value);
      return first === undefined ? '' : attribute(first, name);
    }
    throw new Error(`unable to obtain attribute ${name} from type ${typeName(value)}`);
  }),
);

function source(name: string, rows: () => readonly InterfaceAddress[]): GoFunction {
  return defineFunction(name, { params: [], result: listType }, () => list(rows()));
}

function text(name: string, call: () => string): GoFunction {
  return defineFunction(name, { params: [], result: 'string' }, call);
}

function ips(rows: readonly InterfaceAddress[]): string {
  return rows.map(({ address }) => ipText(address.family, address.value)).join(' ');
}

function named(pattern: string): readonly InterfaceAddress[] {
  const regexp = compileGoRegexp(pattern);
  return allInterfaces().filter(({ name }) => regexp.test(name));
}

function offset(count: number, rows: readonly InterfaceAddress[]): readonly InterfaceAddress[] {
  const size = Math.abs(count);
  if (size > rows.length) {
    throw new Error(
      `unable to seek past the end of the interface array: offset (${size}) exceeds the number of interfaces (${rows.length})`,
    );
  }
  return count < 0 ? rows.slice(rows.length - size) : rows.slice(size);
}

function attribute(row: InterfaceAddress, name: string): string {
  const wanted = name.toLowerCase();
  if (wanted === 'name') return row.name;
  if (wanted === 'flags') return row.flags.join('|');
  const found = addressAttribute(row.address, wanted);
  if (found === undefined) throw new Error(`unsupported attribute name ${quote(wanted)}`);
  return wanted === 'string' ? addressText(row.address) : found;
}
