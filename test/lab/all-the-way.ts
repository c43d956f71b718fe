/** Played to the end: one of each kind of change (the table, the hash, timers, a kernel parameter, a rule), and none. */
export const allTheWay = [
  "conntrack-table-full",
  "conntrack-hash-undersized",
  "conntrack-timeouts-too-long",
  "ip-forward-disabled",
  "masquerade-rule-missing",
  "healthy",
];
