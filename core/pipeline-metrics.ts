/** What NAT Medic measures of its own work, by the names that its dashboard and the alarms on it know. */

/** Apart from what hosts publish, so that no rule takes an alarm on the pipeline for an alarm on a NAT instance. */
export const pipelineNamespace = "NatMedicPipeline";

/** The one dimension that all of them have: Powertools' own, with the name of the service. */
export const pipelineService = "nat-medic";

/**
 * `dimension`: a second one. A function that fails measures nothing, since it is tried again and measures then; one whose
 * answer was lost on the way may count twice.
 */
export const pipelineMetrics = {
  /** Once per incident; what joins one is not counted. */
  IncidentOpened: { unit: "Count" },
  /** Once per cause of a diagnosis: the leading one and those that contribute. Not those of the daily prevention. */
  CauseFound: { unit: "Count", dimension: "cause" },
  /** The host, or EC2, told that it changed. */
  FixApplied: { unit: "Count", dimension: "fix" },
  FixUndone: { unit: "Count", dimension: "fix" },
  /** From the opening of the incident to its causes. */
  TimeToDiagnose: { unit: "Seconds" },
  /** From the opening of the incident to a fix verified in two windows, once per such fix; waiting for people included. */
  TimeToMitigate: { unit: "Seconds" },
  /** Once per closing, by the machine or by who rescues a dead execution; `refused` also where there was no incident. */
  Outcome: { unit: "Count", dimension: "outcome" },
  /** Run Command could not reach a host that was to be read, or was not allowed to. */
  HostUnreachable: { unit: "Count" },
  /** Alarms that have the name of one of an instance's, but not our tag: they are left alone. */
  AlarmNotOurs: { unit: "Count" },
  /** A daily look over the fleet came to its end, whether or not there was something to tell. */
  DailyLookDone: { unit: "Count" },
} as const;
export type PipelineMetric = keyof typeof pipelineMetrics;
