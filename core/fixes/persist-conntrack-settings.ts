import { afterReboot, defaultEstablished, defaultTimeWait } from "../evidence/after-reboot.ts";
import { type Fix, type SettingChange, sendDocument } from "../fix.ts";

const file = "/etc/sysctl.d/99-zz-nat-medic-persist-conntrack-settings.conf";
const moduleFile = "/etc/modules-load.d/nat-medic.conf";
const optionFile = "/etc/modprobe.d/nat-medic.conf";

export const persistConntrackSettings: Fix = {
  id: "persist-conntrack-settings",
  title: "Make the running settings survive a reboot",
  risk: "low",
  document: "PersistConntrackSettings",
  precondition: "The running settings are known, and alternat does not replace the host from its template.",
  effect: "The next boot brings back what runs now. No running value changes.",
  blastRadius:
    "Files of our own on this NAT instance, or the keys of fck-nat's configuration where it owns the host.",
  verifiedBy: "The configuration files, read as a boot reads them, set what runs now.",
  undoing: "Exact: the files are removed, or put back as they were.",
  permissions: [sendDocument("PersistConntrackSettings")],

  prepare({ host }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const { conntrack, timeouts, persistence } = host.evidence;
    const { max, buckets } = conntrack;
    const next = afterReboot(host.evidence);
    if (max === null || buckets === null || next === undefined) {
      return { impossible: "the present settings are unknown" };
    }
    if (persistence.owner === "alternat") {
      return { impossible: "alternat replaces this host from its launch template: set it there" };
    }
    const settings: SettingChange[] = [];
    const lines: string[] = [];
    const add = (name: string, now: number, then: number) => {
      lines.push(`net.netfilter.${name} = ${now}`);
      if (now !== then) {
        settings.push({ setting: `net.netfilter.${name}`, before: String(then), after: String(now) });
      }
    };
    // A larger table that the files already say stays.
    const kept = Math.max(buckets, persistence.buckets?.value ?? 0);
    add("nf_conntrack_buckets", kept, next.buckets);
    add("nf_conntrack_max", Math.max(max, persistence.max?.value ?? 0), next.max);
    const { tcp_timeout_established: established, tcp_timeout_time_wait: timeWait } = timeouts;
    if (
      established !== undefined &&
      (established !== defaultEstablished || persistence.established !== null)
    ) {
      add("nf_conntrack_tcp_timeout_established", established, next.established);
    }
    if (timeWait !== undefined && (timeWait !== defaultTimeWait || persistence.timeWait !== null)) {
      add("nf_conntrack_tcp_timeout_time_wait", timeWait, next.timeWait);
    }
    if (settings.length === 0) return { impossible: "a reboot brings back what runs now already" };
    return {
      action: "Write the running settings of connection tracking to where a boot reads them",
      settings,
      parameters: {},
      commands: [
        `echo nf_conntrack > ${moduleFile}`,
        `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(" ")} > ${file}`,
        `echo 'options nf_conntrack hashsize=${kept}' > ${optionFile}`,
      ],
      undo: [`rm -f ${optionFile} ${file} ${moduleFile}`],
    };
  },
};
