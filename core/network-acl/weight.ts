/** How much what the ACLs deny matters: from a certain loss of every client to a restriction that is most likely meant. */
import { likely, type Severity } from "../cause.ts";
import type { Assessment, Denial, Loss } from "./denials.ts";

/** From this share of lost connections on it is an outage; below, a retry nearly always helps. */
const outage = 0.01;

export type Weighed = { denials: Denial[]; confidence: number; severity: Severity; title: string };

/** What was found, the worst first. Where each number comes from is on the cause's page. */
export function weigh(assessment: Assessment): Weighed[] {
  const found: Weighed[] = [];
  const answers = weighAnswers(assessment);
  if (answers !== null) found.push(answers);
  if (assessment.serverAnswers.length > 0) {
    found.push({
      denials: assessment.serverAnswers,
      confidence: 0.9,
      severity: "warning",
      title: "A network ACL drops answers from some servers",
    });
  }
  found.push(...assessment.requests.map(weighRequest));
  return found.sort((a, b) => rank(a) - rank(b) || b.confidence - a.confidence);
}

const rank = ({ severity, confidence }: Weighed) =>
  confidence < likely ? 2 : severity === "critical" ? 0 : 1;

function weighAnswers({ answers, losses }: Assessment): Weighed | null {
  if (answers.length === 0) return null;
  const hit = losses.filter(({ share, kind }) => kind.usual && share >= outage);
  if (hit.length > 0) {
    // Certain when the clients said which ports they use, or when no kind of client is spared.
    const certain = hit.some(({ kind }) => kind.known) || sparesNobody(losses);
    const confidence = certain ? 0.99 : 0.85;
    return {
      denials: answers,
      confidence,
      severity: "critical",
      title: "A network ACL drops answers on ephemeral ports that clients use",
    };
  }
  const title = "A network ACL drops answers on some ephemeral ports";
  const ofNat = answers.filter(({ hop }) => hop === "D");
  // The NAT may choose any of them; on the way to the clients only unusual clients would.
  if (ofNat.length > 0) return { denials: answers, confidence: 0.9, severity: "warning", title };
  if (!losses.some(({ share }) => share > 0)) return null;
  return { denials: answers, confidence: 0.6, severity: "warning", title };
}

/** Whether there is a subnet where every kind of client is hit. */
function sparesNobody(losses: readonly Loss[]): boolean {
  return losses.some(({ subnetId }) =>
    losses.filter((loss) => loss.subnetId === subnetId).every(({ share }) => share >= outage),
  );
}

function weighRequest(request: Assessment["requests"][number]): Weighed {
  const { hop, seen, web } = request;
  const base = { denials: [request], title: "A network ACL drops requests to the internet" };
  if (seen && request.ports[0] === 443) return { ...base, confidence: 0.95, severity: "critical" };
  // A subnet whose route leads here is refused at the NAT's, or the NAT's own lets nothing out.
  if (web && hop !== "A") return { ...base, confidence: 0.9, severity: "critical" };
  // One service is shut, or a private subnet lets nothing out: most likely somebody meant it.
  return { ...base, confidence: 0.4, severity: "warning" };
}
