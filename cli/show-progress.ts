/** The tasks of an execution as they run: in place on a terminal, a line each elsewhere. */
import type { ExecutionEvent } from "../local/states/events.ts";

type Screen = { write(text: string): unknown; isTTY?: boolean };

export function showProgress(screen: Screen | undefined): {
  onEvent(event: ExecutionEvent): void;
  /** Something else, between the states. */
  say(text: string): void;
  end(): void;
} {
  const entered = new Map<string, number>();
  const running: string[] = [];
  /** Choices and the like take no time, and say little to whoever watches. */
  const tasks = new Set<string>();
  const inPlace = screen?.isTTY === true;
  const write = (text: string) => screen?.write(text);
  const draw = () => {
    if (inPlace) write(`\r\x1b[2K${running.length === 0 ? "" : `  … ${running.join(", ")}`}`);
  };
  const line = (text: string) => {
    if (inPlace) write("\r\x1b[2K");
    write(`${text}\n`);
    draw();
  };
  return {
    onEvent({ type, state, path = state, error, delaySeconds }) {
      if (state === undefined || path === undefined) return;
      switch (type) {
        case "StateEntered":
          entered.set(path, performance.now());
          running.push(state);
          return draw();
        case "TaskScheduled":
          tasks.add(path);
          return;
        case "StateExited": {
          const seconds = (performance.now() - (entered.get(path) ?? performance.now())) / 1000;
          running.splice(running.indexOf(state), 1);
          if (!tasks.delete(path)) return draw();
          return line(`  ${state.padEnd(22)} ${seconds.toFixed(2).padStart(7)} s`);
        }
        case "RetryScheduled":
          return line(`  ${state.padEnd(22)} ${error}, tried again in ${delaySeconds?.toFixed(1)} s`);
        case "StateCaught":
          return line(`  ${state.padEnd(22)} ${error}`);
        case "WaitingForTaskToken":
          return line(`  ${state.padEnd(22)} waits for a decision`);
        default:
          return;
      }
    },
    say: line,
    end: () => {
      if (inPlace) write("\r\x1b[2K");
    },
  };
}
