/**
 * Many incidents on one local stack. Instances have nothing to do with each other, so each play gets one of its own,
 * and a fault, a kill or an abort is meant for that one alone: hundreds of plays share the time that a stack takes.
 */
import { DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { incidentFrom, instanceFrom } from "../../../aws/incident-store.ts";
import type { IncidentRecord, InstanceRecord } from "../../../core/incident-record.ts";
import { modeTag } from "../../../core/opening.ts";
import type { Publication } from "../../../local/endpoint/sns.ts";
import type { Fault } from "../../../local/endpoint/wire.ts";
import type { NatHost } from "../../../local/host.ts";
import type { Kill } from "../../../local/lambda/in-process.ts";
import { pageLink } from "../../../local/page-visitor.ts";
import type { ManagedInstance } from "../../../local/run-command/invocation.ts";
import {
  chatTopicArn,
  type LocalStack,
  type LocalStackOptions,
  startLocalStack,
} from "../../../local/stack.ts";
import { fastClock, type VirtualClock } from "../../../local/states/clock.ts";
import type { ExecutionEvent } from "../../../local/states/events.ts";
import type { Execution, ExecutionResult } from "../../../local/states/execution.ts";

export type Script = {
  host: NatHost;
  /** `approve`: on an instance whose tag makes it stricter than the stack, which is in mode `apply`. */
  mode?: "apply" | "approve";
  /** What Run Command makes of a host that answers `unreachable`. */
  whenUnreachable?: ManagedInstance["whenUnreachable"];
  /** As the stack's, but only for what is asked because of this instance; `n` counts that. */
  fault?: Fault;
  kill?: Kill;
  /** Whatever happens in an execution that is about this instance. */
  onEvent?(event: ExecutionEvent, execution: Execution): void;
  /** Somebody got a link to the approval page, and the machine waits. While this is under way no time is skipped. */
  person?(link: string): Promise<unknown>;
};

export type Play = {
  instanceId: string;
  /** The alarm on it, and another one. */
  alarms: readonly [string, string];
  start(event: unknown): Execution;
  /** Oldest first, those included that others started. */
  executions(): Execution[];
  /** Links to the approval page that people were sent, oldest first. */
  links: string[];
};

/** How it looks when nothing is under way any more. */
export type Ending = {
  results: ExecutionResult[];
  /** Oldest first. */
  incidents: IncidentRecord[];
  instance: InstanceRecord;
  /** What people were told, oldest first, and what went to chat. */
  mails: Publication[];
  chat: Publication[];
  /** `service.Operation`, faults included, oldest first. */
  operations: string[];
};

export type Theatre = {
  stack: LocalStack;
  clock: VirtualClock;
  /** Gives the next instance away. */
  cast(script: Script): Play;
  /** What CloudWatch says of an alarm when it is asked; ALARM until somebody sets it. */
  alarms: Record<string, "OK" | "ALARM" | "INSUFFICIENT_DATA">;
  /** Until nothing runs in any play. */
  over(): Promise<void>;
  endings(plays: readonly Play[]): Promise<Ending[]>;
  ending(play: Play): Promise<Ending>;
  close(): Promise<void>;
};

export type TheatreOptions = Partial<
  Pick<
    LocalStackOptions,
    | "approvalSeconds"
    | "automaticChangesPerDay"
    | "concurrency"
    | "coolDownSeconds"
    | "eventDeliveries"
    | "pace"
    | "runCommand"
    | "skewSeconds"
  >
> & {
  /** How many instances there are. */
  seats?: number;
};

/** An instance's ID, and the ID of an incident of it: nothing that is random looks like these. */
const inFull = /\bi-000000000f1a7([0-9a-f]{4})\b/;
const inIncident = /\binc-\d{8}t\d{6}z-f1a7([0-9a-f]{4})-/;
/** Every other instance is of mode `approve`. */
const isStrict = (seat: number) => seat % 2 === 1;
const idOf = (seat: number) => `i-000000000f1a7${seat.toString(16).padStart(4, "0")}`;

type Seat = Script & { play: Play; calls: Map<string, number> } & Pick<
    Ending,
    "mails" | "chat" | "operations"
  >;

export async function openTheatre(options: TheatreOptions = {}): Promise<Theatre> {
  const { seats: size = 400, ...rest } = options;
  const seats = new Map<number, Seat>();
  const alarms: Theatre["alarms"] = {};
  const instances: LocalStackOptions["instances"] = Object.fromEntries(
    Array.from({ length: size }, (_, seat) => {
      alarms[`${idOf(seat)}-full`] = "ALARM";
      alarms[`${idOf(seat)}-slow`] = "ALARM";
      const taken = () => {
        const known = seats.get(seat);
        if (known === undefined) throw new Error(`nobody plays on ${idOf(seat)}`);
        return known;
      };
      const host: NatHost = {
        description: "whoever plays here",
        run: (command) => taken().host.run(command),
        stop: async () => {},
      };
      const instance = {
        type: "t3.micro" as const,
        host,
        ...(isStrict(seat) && { tags: { [modeTag]: "approve" } }),
        get whenUnreachable() {
          return taken().whenUnreachable ?? "undeliverable";
        },
      };
      return [idOf(seat), instance];
    }),
  );

  const tokens = new Map<string, Seat>();
  const seatIn = (text: string): Seat | undefined => {
    const [, digits] = inFull.exec(text) ?? inIncident.exec(text) ?? [];
    return digits === undefined ? undefined : seats.get(Number.parseInt(digits, 16));
  };
  /** Whose operation it is; a task token says nothing of itself, so it is remembered from the request that has it. */
  const seatOf = (input: object): Seat | undefined => {
    const text = JSON.stringify(input);
    const token = /"taskToken":(?:\{"S":)?"([0-9a-f-]{36})"/.exec(text)?.[1];
    const seat = seatIn(text) ?? (token === undefined ? undefined : tokens.get(token));
    if (token !== undefined && seat !== undefined) tokens.set(token, seat);
    return seat;
  };

  const { clock, idle } = watched(fastClock());
  const visits = new Set<Promise<unknown>>();
  const failures: unknown[] = [];
  const visit = (seat: Seat) => {
    const link = seat.play.links.at(-1);
    if (seat.person === undefined || link === undefined) return;
    const visiting = clock
      .working(seat.person(link))
      .catch((error: unknown) => failures.push(error))
      .finally(() => visits.delete(visiting));
    visits.add(visiting);
  };

  const stack = await startLocalStack({
    instances,
    mode: "apply",
    approvalSeconds: 14_400,
    // Each is a thread of some 30 MiB.
    concurrency: 2,
    pace: 20,
    runCommand: { pickUpMilliseconds: 0, visibleAfterMilliseconds: 0 },
    ...rest,
    clock,
    alarms,
    fault: (service, operation, input) => {
      const seat = seatOf(input);
      // Only `endings` scans, and its next page begins at somebody's key.
      if (seat === undefined || operation === "Scan") return undefined;
      const name = `${service}.${operation}`;
      const count = (seat.calls.get(name) ?? 0) + 1;
      seat.calls.set(name, count);
      seat.operations.push(name);
      return seat.fault?.(service, operation, input, count);
    },
    kill: (call) => (seatIn(JSON.stringify(call.payload)) ?? seatOf(call.input))?.kill?.(call) ?? false,
    onPublish: (publication) => {
      const seat = seatIn(`${publication.subject} ${publication.message}`);
      if (seat === undefined) {
        failures.push(new Error(`nobody's message: ${publication.subject}`));
        return;
      }
      if (publication.topicArn === chatTopicArn) {
        seat.chat.push(publication);
        return;
      }
      seat.mails.push(publication);
      const link = pageLink.exec(publication.message)?.[0];
      if (link !== undefined) seat.play.links.push(link);
    },
    onEvent: (event, name) => {
      const seat = seatIn(name);
      const execution = stack.executions().find((one) => one.name === name);
      if (seat === undefined || execution === undefined) return;
      seat.onEvent?.(event, execution);
      if (event.type === "WaitingForTaskToken") visit(seat);
    },
  });
  const reader = new DynamoDBClient({
    endpoint: stack.url,
    region: "eu-central-1",
    credentials: { accessKeyId: "reader", secretAccessKey: "reader" },
  });

  const over = async () => {
    let seen = -1;
    while (seen < stack.executions().length || visits.size > 0) {
      seen = stack.executions().length;
      await Promise.all([...visits]);
      await Promise.all(stack.executions().map(({ finished }) => finished));
      await stack.settled();
      // A function goes on when its execution is stopped.
      await idle();
    }
    const [failure] = failures;
    if (failure !== undefined) throw failure;
  };

  const endings: Theatre["endings"] = async (plays) => {
    await over();
    const items: Record<string, unknown>[] = [];
    for await (const { Items = [] } of paginateScan({ client: reader }, { TableName: stack.table })) {
      items.push(...Items.map((item) => unmarshall(item)));
    }
    const byKey = Map.groupBy(items, ({ pk }) => String(pk));
    const incidents = [...byKey].flatMap(([pk, group]) =>
      pk.startsWith("incident/") ? (incidentFrom(group) ?? []) : [],
    );
    const endingOf = async ({ instanceId, executions }: Play): Promise<Ending> => {
      const { mails, chat, operations } = seatIn(instanceId) ?? lost();
      return {
        results: await Promise.all(executions().map(({ finished }) => finished)),
        incidents: incidents
          .filter(({ incident }) => incident.instanceId === instanceId)
          .toSorted((a, b) => Date.parse(a.incident.openedAt) - Date.parse(b.incident.openedAt)),
        instance: instanceFrom(byKey.get(`instance/${instanceId}`) ?? []),
        mails,
        chat,
        operations,
      };
    };
    return await Promise.all(plays.map(endingOf));
  };

  return {
    stack,
    clock,
    alarms,
    cast: (script) => {
      let seat = script.mode === "approve" ? 1 : 0;
      while (seats.has(seat)) seat += 2;
      if (seat >= size) throw new Error(`all ${size} instances are taken`);
      const instanceId = idOf(seat);
      const play: Play = {
        instanceId,
        alarms: [`${instanceId}-full`, `${instanceId}-slow`],
        links: [],
        start: (event) => stack.start(event, `${instanceId}-${crypto.randomUUID().slice(-8)}`),
        executions: () => stack.executions().filter(({ name }) => seatIn(name)?.play === play),
      };
      seats.set(seat, { ...script, play, calls: new Map(), mails: [], chat: [], operations: [] });
      return play;
    },
    over,
    endings,
    ending: async (play) => (await endings([play]))[0] ?? lost(),
    close: async () => {
      await stack.stop();
      reader.destroy();
      await Promise.all([...seats.values()].map(({ host }) => host.stop()));
    },
  };
}

/** A clock that can say when nobody works any more. */
function watched(clock: VirtualClock): { clock: VirtualClock; idle(): Promise<void> } {
  const underWay = new Set<Promise<unknown>>();
  return {
    clock: {
      ...clock,
      working: (work) => {
        const done = clock.working(work);
        const forget = () => {
          underWay.delete(settled);
        };
        const settled: Promise<void> = done.then(forget, forget);
        underWay.add(settled);
        return done;
      },
    },
    idle: async () => {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

function lost(): never {
  throw new Error("nobody plays there");
}
