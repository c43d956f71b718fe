/**
 * Every name that stands in a reference within a piece of a template: to a resource, a parameter or a condition. Names
 * that AWS gives (`AWS::Region`) and variables of a Sub's own may be among them.
 */
export function referencesIn(value: unknown): Set<string> {
  const names = new Set<string>();
  const walk = (node: unknown, key: string): void => {
    if (typeof node === "string") {
      if (["Ref", "Condition", "DependsOn"].includes(key)) names.add(node);
      if (key === "Fn::GetAtt") names.add(node.split(".")[0] ?? "");
      if (key === "Fn::Sub") for (const [, name = ""] of node.matchAll(inSub)) names.add(name);
    } else if (Array.isArray(node)) {
      // The first of an If is a condition, of a GetAtt a resource.
      const [first, ...others] = node;
      walk(first, key === "Fn::If" ? "Condition" : key);
      for (const item of others) walk(item, key === "DependsOn" ? key : "");
    } else if (typeof node === "object" && node !== null) {
      for (const [name, inner] of Object.entries(node)) walk(inner, name);
    }
  };
  walk(value, "");
  return names;
}

const inSub = /\$\{([A-Za-z0-9:]+)[^}]*\}/g;
