/** A SAM template as data: CloudFormation's short forms (`!Ref X`) become `{ Ref: "X" }`. */
import { readFileSync } from "node:fs";
import { type CollectionTag, isCollection, parseDocument, type ScalarTag } from "yaml";

const functions = [
  ...["Sub", "GetAtt", "Equals", "Not", "And", "Or", "If", "Join", "Split", "Select", "FindInMap", "Base64"],
];
const key = (name: string) => (functions.includes(name) ? `Fn::${name}` : name);

const customTags = ["Ref", "Condition", ...functions].flatMap((name): (ScalarTag | CollectionTag)[] => [
  { tag: `!${name}`, resolve: (text: string) => ({ [key(name)]: text }) },
  {
    tag: `!${name}`,
    collection: "seq",
    resolve: (sequence) => ({ [key(name)]: isCollection(sequence) ? sequence.toJSON() : sequence }),
  },
]);

/** @throws Error also for a short form that is none of these: it would pass for a text */
export function readTemplate(file: string): unknown {
  const document = parseDocument(readFileSync(file, "utf8"), { customTags });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) throw problem;
  return document.toJS();
}
