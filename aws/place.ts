/**
 * Whose AWS is asked: that of the stack's own account and Region, or another one's, by a role there. Everything that
 * belongs to a NAT instance (EC2, Systems Manager, CloudWatch) is asked through a client made here; the incident store,
 * the state machine and the topics are always at home, and make their clients themselves.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Place } from "../core/place.ts";

export type Role = { arn: string; externalId: string };

export type Assumed = {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: Date;
};

/**
 * `session`: how CloudTrail there calls the work, 2 to 64 letters, digits and dashes. `role` is asked for only when
 * something is sent.
 */
export type Elsewhere = { place: Place; session: string; role(): Role };

/** A place as one piece of work sees it: its clients share its credentials, and are forgotten with it. */
type Seat = { region: string; credentials(): Promise<Assumed> };

type ClientOptions = {
  maxAttempts: number;
  region?: string;
  credentials?: Seat["credentials"];
};

const present = new AsyncLocalStorage<Seat | undefined>();
const seats = new Map<string, Seat>();
/** An environment works on one incident at a time, or goes through a few places. */
const mostSeats = 8;
/** As the SDK's clients do: what ends sooner is not used any more. */
const marginMilliseconds = 300_000;

/** Runs `work` there; null: at home. */
export function actIn<Result>(there: Elsewhere | null, work: () => Result): Result {
  return present.run(there === null ? undefined : seatFor(there), work);
}

/**
 * Of what only reads, of EC2 and CloudWatch: up to 12.7 s, six on average. When hundreds of alarms go off at once, their
 * incidents ask for the same in the same second, and EC2 then answers twenty a second (docs/scale.md).
 */
export const patientAttempts = 8;

/** What gives a client of the present place: the one at home is made at once, others when they are needed. */
export function clientHere<Client>(
  Service: new (options: ClientOptions) => Client,
  maxAttempts = 5,
): () => Client {
  const home = new Service({ maxAttempts });
  const elsewhere = new WeakMap<Seat, { client: Client }>();
  return () => {
    const seat = present.getStore();
    if (seat === undefined) return home;
    const known = elsewhere.get(seat);
    if (known !== undefined) return known.client;
    const { region, credentials } = seat;
    const client = new Service({ maxAttempts, region, credentials });
    elsewhere.set(seat, { client });
    return client;
  };
}

function seatFor({ place: { account, region }, session, role }: Elsewhere): Seat {
  const key = `${account} ${region} ${session}`;
  const seat = seats.get(key) ?? { region, credentials: kept(() => assume(role, session)) };
  // The last used is the last forgotten.
  seats.delete(key);
  seats.set(key, seat);
  const [oldest] = seats.keys();
  if (seats.size > mostSeats && oldest !== undefined) seats.delete(oldest);
  return seat;
}

async function assume(role: () => Role, session: string): Promise<Assumed> {
  const { arn, externalId } = role();
  // A bundle of its own (build/plugins.ts): most work is at home, and would only start later.
  const { assumeRole } = await import("./sts.ts");
  return await assumeRole({ arn, externalId }, session);
}

/** Fetched once, whoever asks, until shortly before it expires; a failure is not kept. */
function kept(fetch: () => Promise<Assumed>): () => Promise<Assumed> {
  let last: { fetched: Promise<Assumed>; until: number } | undefined;
  return () => {
    if (last !== undefined && Date.now() < last.until) return last.fetched;
    const mine = { fetched: fetch(), until: Number.POSITIVE_INFINITY };
    last = mine;
    mine.fetched.then(
      ({ expiration }) => {
        mine.until = expiration.getTime() - marginMilliseconds;
      },
      () => {
        mine.until = 0;
      },
    );
    return mine.fetched;
  };
}
