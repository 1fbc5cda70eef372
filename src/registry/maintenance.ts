import { nodeMaintenance, serviceMaintenancePrefix } from '../model/check.ts';
import type { CheckDefinition } from '../model/registration.ts';

/** Maintenance is a critical check that nobody runs. Names and sentences are Consul's; some clients look for them. */

export function nodeMaintenanceCheck(reason: string): CheckDefinition {
  const notes = reason === '' ? noReason('node') : reason;
  return { ...blank, id: nodeMaintenance, name: 'Node Maintenance Mode', notes, serviceId: '' };
}

export function serviceMaintenanceCheck(serviceId: string, reason: string): CheckDefinition {
  const notes = reason === '' ? noReason('service') : reason;
  const id = `${serviceMaintenancePrefix}${serviceId}`;
  return { ...blank, id, name: 'Service Maintenance Mode', notes, serviceId };
}

const blank: CheckDefinition = {
  id: '',
  name: '',
  notes: '',
  serviceId: '',
  status: 'critical',
  kind: { type: 'maintenance' },
  intervalMs: 0,
  timeoutMs: 0,
  outputMaxBytes: 0,
  successBeforePassing: 0,
  failuresBeforeWarning: 0,
  failuresBeforeCritical: 0,
  deregisterCriticalAfterMs: 0,
};

function noReason(what: 'service' | 'node'): string {
  return `Maintenance mode is enabled for this ${what}, but no reason was provided. This is a default message.`;
}
