/**
 * The order of test files. Without a memory of the last run, as in CI, vitest goes by their size, and a file that keeps a
 * guest busy for minutes may be the last to begin, with the other guest idle.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

const longest = ["named-of-the-host", "lab.test", "named-of-the-cloud", "watched", "restore", "publisher"];

/** A class because vitest takes nothing else. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

/** Files that are not of the lab stay as they are, behind. */
function rankOf({ moduleId }: TestSpecification): number {
  const rank = longest.findIndex((name) => moduleId.includes(`/lab/${name}`));
  return rank === -1 ? longest.length : rank;
}
