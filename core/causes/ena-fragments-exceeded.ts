import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import {
  exceeded,
  fragmentsAtTheCap,
  fragmentsPerSecond,
  hurts,
  observeExceeded,
} from "../evidence/allowances.ts";
import type { FragmentCapture } from "../evidence/probe.ts";
import { whole } from "../wording.ts";

/** Of captured fragments: from here on it is TCP that is cut up, which a smaller MSS ends. */
const mostlyTcp = 0.5;

/**
 * EC2 lets about a thousand IP fragments a second leave an interface, and drops the rest; one lost fragment loses the
 * whole packet. Settled by `pps_allowance_exceeded` growing while this host makes as many fragments as the cap. Looks
 * alike: too many packets of any kind (few fragments then); fragments that never arrive (`fragments-dropped`).
 */
export const enaFragmentsExceeded: Cause = {
  id: "ena-fragments-exceeded",
  title: "EC2 drops IP fragments that leave the interface",
  symptom: "Large UDP packets and tunnels lose packets at random; small packets are fine.",
  // The cap is the interface's, the same for every type, and what makes the fragments is beyond this host.
  fixes: [],

  judge({ host, probes }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const counted = exceeded(evidence, "pps");
    if (counted === undefined) {
      return { verdict: "unknown", missing: "the network driver counts no exceeded packets", asked: false };
    }
    const fragments = fragmentsPerSecond(evidence);
    const seen: Observation[] = [
      observeExceeded(evidence, "pps", 0),
      {
        signal: "IP fragments made here",
        observed: `${whole(fragments)} a second`,
        expected: `below ${whole(fragmentsAtTheCap)}; EC2 lets 1,024 a second leave an interface`,
      },
    ];
    if (counted.growth === 0 || fragments < fragmentsAtTheCap) return { verdict: "absent", evidence: seen };
    const severity = hurts(evidence, counted.growth) ? "critical" : "warning";
    return {
      verdict: "present",
      confidence: 0.8,
      severity,
      evidence: seen,
      advice: adviceFor(probes.fragments),
    };
  },

  verify: null,
};

function adviceFor(capture: FragmentCapture | null): string[] {
  const wayOfTheDriver =
    "The ENA driver has a module parameter enable_frag_bypass for this cap; it needs a reload of the driver, which cuts the network for a moment, so try it on a standby first.";
  if (capture?.status === "done" && capture.fragments > 0 && capture.tcp >= mostlyTcp * capture.fragments) {
    return [
      `Of ${whole(capture.fragments)} captured fragments ${whole(capture.tcp)} carry TCP: clamp the MSS on the NAT instance, so that TCP sends packets that fit.`,
      wayOfTheDriver,
    ];
  }
  return [
    "Find who sends packets larger than 1,500 bytes through the NAT (tunnels, DNS, media) and lower the packet size or the tunnel's MTU there.",
    wayOfTheDriver,
  ];
}
