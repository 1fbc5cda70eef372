import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from './random.testkit.ts';
import { buildSchedule, type Fault } from './schedule.testkit.ts';

const totalMs = 60_000;
const members = new Set(['etcd-kill', 'etcd-stall', 'isolate', 'deaf', 'loss']);
const overlap = (a: Fault, b: Fault): boolean => a.atMs < b.atMs + b.lastsMs && b.atMs < a.atMs + a.lastsMs;

test('the same seed gives the same faults, another seed others', () => {
  assert.deepEqual(buildSchedule(new Random(7), totalMs), buildSchedule(new Random(7), totalMs));
  assert.notDeepEqual(buildSchedule(new Random(7), totalMs), buildSchedule(new Random(8), totalMs));
});

test('faults never meet on one host, take at most one member at a time, and end in time', () => {
  const kinds = new Set<string>();
  for (let seed = 1; seed <= 50; seed++) {
    const faults = buildSchedule(new Random(seed), totalMs);
    assert.ok(faults.length >= 10, `seed ${seed}: ${faults.length} faults`);
    for (const [index, fault] of faults.entries()) {
      kinds.add(fault.kind);
      assert.ok(fault.atMs + fault.lastsMs <= totalMs);
      for (const other of faults.slice(index + 1)) {
        if (!overlap(fault, other)) continue;
        assert.notEqual(fault.host, other.host, `seed ${seed}`);
        assert.ok(!(members.has(fault.kind) && members.has(other.kind)), `seed ${seed}`);
      }
    }
  }
  assert.equal(kinds.size, 10, 'every kind comes');
});
