/**
 * Resources of a template as CloudFormation would make them: conditions decided, parameters and functions resolved. Only
 * what is asked for is resolved, and what cannot be is refused.
 */
import * as z from "zod/mini";
import { readTemplate } from "../build/template.ts";
import type { Place } from "../core/place.ts";

export type Deployment = {
  /** Of the template. */
  file: string;
  stackName: string;
  place: Place;
  /** Instead of their defaults. */
  parameters?: Readonly<Record<string, string>>;
  /** What a reference to a resource gives: its `Ref`, or an attribute of it. */
  reference?(logicalId: string, attribute: string | undefined): string;
};

export type DeployedResource = { logicalId: string; properties: Record<string, unknown> };

const Fields = z.record(z.string(), z.unknown());
const Template = z.object({
  Parameters: z._default(
    z.record(z.string(), z.object({ Type: z.string(), Default: z.optional(z.unknown()) })),
    {},
  ),
  Conditions: z._default(Fields, {}),
  Resources: z.record(
    z.string(),
    z.object({ Type: z.string(), Condition: z.optional(z.string()), Properties: z._default(Fields, {}) }),
  ),
});

/**
 * @param pick of each resource's properties what is wanted, so that the others need not be resolved
 * @throws Error for what is not known here
 */
export function deployedResources(
  deployment: Deployment,
  type: string,
  pick: (properties: Record<string, unknown>) => Record<string, unknown> = (properties) => properties,
): DeployedResource[] {
  const template = Template.parse(readTemplate(deployment.file));
  const { reference = (logicalId, attribute) => [logicalId, attribute].filter(Boolean).join(".") } =
    deployment;

  const parameter = (name: string): unknown => {
    const declared = template.Parameters[name];
    if (declared === undefined) return undefined;
    const value = deployment.parameters?.[name] ?? declared.Default;
    if (value === undefined) throw new Error(`the parameter ${name} has no value`);
    if (declared.Type === "Number") return Number(value);
    return declared.Type === "CommaDelimitedList" ? String(value).split(",") : value;
  };

  const ref = (name: string): unknown => {
    switch (name) {
      case "AWS::StackName":
        return deployment.stackName;
      case "AWS::Region":
        return deployment.place.region;
      case "AWS::AccountId":
        return deployment.place.account;
      case "AWS::Partition":
        return "aws";
      case "AWS::NoValue":
        return undefined;
    }
    if (Object.hasOwn(template.Parameters, name)) return parameter(name);
    if (name.startsWith("AWS::")) throw new Error(`${name} is not known here`);
    // Also the resources that SAM makes of others, such as an event's rule.
    return reference(name, undefined);
  };

  const sub = (text: string): string =>
    text.replace(/\$\{([^}!]+)\}/g, (_, name: string) => {
      const [logicalId = "", ...attribute] = name.split(".");
      return String(attribute.length > 0 ? reference(logicalId, attribute.join(".")) : ref(name));
    });

  const condition = (name: string): boolean => {
    if (!Object.hasOwn(template.Conditions, name)) throw new Error(`there is no condition ${name}`);
    return z.parse(z.boolean(), resolve(template.Conditions[name]));
  };

  const called = (name: string, argument: unknown): unknown => {
    const list = () => z.parse(z.array(z.unknown()), argument);
    const resolved = () => list().map(resolve);
    switch (name) {
      case "Ref":
        return ref(z.parse(z.string(), argument));
      case "Condition":
        return condition(z.parse(z.string(), argument));
      case "Fn::Sub":
        return sub(z.parse(z.string(), argument));
      case "Fn::GetAtt": {
        const [logicalId = "", ...attribute] = z.parse(z.string(), argument).split(".");
        return reference(logicalId, attribute.join("."));
      }
      case "Fn::Equals": {
        const [a, b] = resolved();
        return String(a) === String(b);
      }
      case "Fn::Not":
        return resolved()[0] === false;
      case "Fn::And":
        return resolved().every((value) => value === true);
      case "Fn::Or":
        return resolved().some((value) => value === true);
      case "Fn::If": {
        const [name_, yes, no] = list();
        return resolve(condition(z.parse(z.string(), name_)) ? yes : no);
      }
      case "Fn::Join": {
        const [separator, parts] = resolved();
        return z.parse(z.array(z.unknown()), parts).join(String(separator));
      }
      default:
        throw new Error(`${name} is not resolved here`);
    }
  };

  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve).filter((item) => item !== undefined);
    const fields = z.safeParse(Fields, value);
    if (!fields.success) return value;
    const entries = Object.entries(fields.data);
    const [only] = entries;
    if (entries.length === 1 && only !== undefined && isFunction(only[0])) return called(...only);
    return Object.fromEntries(
      entries.flatMap(([key, item]) => {
        const resolved = resolve(item);
        return resolved === undefined ? [] : [[key, resolved]];
      }),
    );
  };

  return Object.entries(template.Resources).flatMap(([logicalId, { Type, Condition, Properties }]) => {
    if (Type !== type || (Condition !== undefined && !condition(Condition))) return [];
    return [{ logicalId, properties: z.parse(Fields, resolve(pick(Properties))) }];
  });
}

const isFunction = (key: string): boolean => key === "Ref" || key === "Condition" || key.startsWith("Fn::");
