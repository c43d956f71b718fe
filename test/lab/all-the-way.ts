/** Played to the end: one of each kind of change (the table with its hash and timers, a kernel parameter, a rule), and none. */
export const allTheWay = [
  "conntrack-table-full",
  "ip-forward-disabled",
  "masquerade-rule-missing",
  "healthy",
];
