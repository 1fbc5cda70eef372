import type { HealthCheck, ServiceAddress, Weights } from './catalog.ts';

/** JSON of the agent endpoints. */

export interface AgentService {
  readonly ID: string;
  readonly Service: string;
  readonly Tags: readonly string[];
  readonly Meta: Readonly<Record<string, string>>;
  readonly Port: number;
  readonly Address: string;
  readonly SocketPath?: string;
  readonly TaggedAddresses?: Readonly<Record<string, ServiceAddress>>;
  readonly Weights: Weights;
  readonly EnableTagOverride: boolean;
  /** agent/service/:id only. */
  readonly ContentHash?: string;
  readonly Datacenter: string;
}

/** agent/health/service/id; unknown services have null for both. */
export interface AgentServiceHealth {
  readonly AggregatedStatus: string;
  readonly Service: AgentService | null;
  readonly Checks: readonly AgentHealthCheck[] | null;
}

/** A check as agent/health prints it: an older shape, whose definition is always empty. */
export interface AgentHealthCheck
  extends Omit<HealthCheck, 'ServiceTags' | 'Interval' | 'Timeout' | 'ExposedPort'> {
  /** null when the service has none. */
  readonly ServiceTags: readonly string[] | null;
}

export interface Member {
  readonly Name: string;
  readonly Addr: string;
  readonly Port: number;
  readonly Tags: Readonly<Record<string, string>>;
  /** 0 none, 1 alive, 2 leaving, 3 left, 4 failed. */
  readonly Status: number;
  readonly ProtocolMin: number;
  readonly ProtocolMax: number;
  readonly ProtocolCur: number;
  readonly DelegateMin: number;
  readonly DelegateMax: number;
  readonly DelegateCur: number;
}

export interface Coordinate {
  readonly Vec: readonly number[];
  readonly Error: number;
  readonly Adjustment: number;
  readonly Height: number;
}

export interface AgentSelf {
  readonly Config: {
    readonly Datacenter: string;
    readonly PrimaryDatacenter: string;
    readonly NodeName: string;
    readonly NodeID: string;
    readonly Revision: string;
    readonly Server: boolean;
    readonly Version: string;
    readonly BuildDate: string;
  };
  /** The running configuration; its keys are the agent's own. */
  readonly DebugConfig: Readonly<Record<string, unknown>>;
  readonly Coord: Coordinate;
  readonly Member: Member;
  readonly Stats: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly Meta: Readonly<Record<string, string>>;
}

export interface AgentVersion {
  readonly SHA: string;
  readonly BuildDate: string;
  readonly HumanVersion: string;
  readonly FIPS: string;
}

export interface MetricGauge {
  readonly Name: string;
  readonly Value: number;
  readonly Labels: Readonly<Record<string, string>>;
}

export interface MetricSample {
  readonly Name: string;
  readonly Count: number;
  /** Sum per second since the agent started. */
  readonly Rate: number;
  readonly Sum: number;
  readonly Min: number;
  readonly Max: number;
  readonly Mean: number;
  readonly Stddev: number;
  readonly Labels: Readonly<Record<string, string>>;
}

export interface AgentMetrics {
  readonly Timestamp: string;
  readonly Gauges: readonly MetricGauge[];
  readonly Points: readonly unknown[];
  readonly Counters: readonly MetricSample[];
  readonly Samples: readonly MetricSample[];
}

/** A check in agent/check/register, or in a service registration. Durations are Go texts such as `10s`. */
export interface AgentCheckRegistration {
  readonly ID?: string;
  readonly CheckID?: string;
  readonly Name?: string;
  readonly Notes?: string;
  readonly ServiceID?: string;
  readonly Status?: string;
  readonly TTL?: string;
  readonly HTTP?: string;
  readonly Method?: string;
  readonly Header?: Readonly<Record<string, readonly string[]>>;
  readonly Body?: string;
  readonly DisableRedirects?: boolean;
  readonly TLSServerName?: string;
  readonly TLSSkipVerify?: boolean;
  readonly TCP?: string;
  readonly TCPUseTLS?: boolean;
  readonly GRPC?: string;
  readonly GRPCUseTLS?: boolean;
  readonly H2PING?: string;
  readonly H2PingUseTLS?: boolean;
  readonly UDP?: string;
  readonly OSService?: string;
  readonly AliasNode?: string;
  readonly AliasService?: string;
  readonly Args?: readonly string[];
  readonly ScriptArgs?: readonly string[];
  readonly DockerContainerID?: string;
  readonly Shell?: string;
  readonly Interval?: string;
  readonly Timeout?: string;
  readonly OutputMaxSize?: number;
  readonly SuccessBeforePassing?: number;
  readonly FailuresBeforeWarning?: number;
  readonly FailuresBeforeCritical?: number;
  readonly DeregisterCriticalServiceAfter?: string;
}

/** Body of agent/service/register. */
export interface AgentServiceRegistration {
  /** Default: Name. */
  readonly ID?: string;
  readonly Name: string;
  readonly Tags?: readonly string[];
  readonly Address?: string;
  readonly TaggedAddresses?: Readonly<Record<string, ServiceAddress>>;
  readonly Meta?: Readonly<Record<string, string>>;
  readonly Port?: number;
  readonly SocketPath?: string;
  readonly Weights?: Weights;
  readonly EnableTagOverride?: boolean;
  readonly Check?: AgentCheckRegistration;
  readonly Checks?: readonly AgentCheckRegistration[];
}
