// @vitest-environment node
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const css = readFileSync(join(import.meta.dirname, "tokens.css"), "utf8");

function tokensOf(scheme: "light" | "dark"): Map<string, string> {
  const block =
    new RegExp(`\\[data-mantine-color-scheme="${scheme}"\\] \\{([^}]*)\\}`).exec(css)?.[1] ?? "";
  return new Map(
    [...block.matchAll(/--pt-([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, hex]) => [
      name ?? "",
      hex ?? "",
    ]),
  );
}

/** Relative luminance and contrast ratio as WCAG 2 defines them. */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

const grounds = ["canvas", "surface", "sunken", "hover"];
const pairs: [string, string[], number][] = [
  ["text", [...grounds, "selected", "accent-soft", "danger-soft"], 4.5],
  ["text-2", [...grounds, "selected", "danger-soft"], 4.5],
  ["text-3", ["canvas", "surface", "sunken"], 4.5],
  ["accent-strong", ["accent-soft"], 4.5],
  ["on-accent", ["accent", "accent-strong"], 4.5],
  ["danger", ["surface", "danger-soft"], 4.5],
  ["warn", ["surface", "warn-soft"], 4.5],
  ["control-line", ["surface", "sunken"], 3],
  ["focus", ["surface", "canvas"], 3],
  ...["keyword", "string", "number", "function", "comment"].map(
    (name): [string, string[], number] => [`code-${name}`, ["surface", "sunken"], 4.5],
  ),
];

describe.each(["light", "dark"] as const)("the %s scheme", (scheme) => {
  const tokens = tokensOf(scheme);
  it.each(pairs)("%s has enough contrast on %j", (name, behind, least) => {
    for (const ground of behind) {
      const ratio = contrast(tokens.get(name) ?? "", tokens.get(ground) ?? "");
      expect(ratio, `${name} on ${ground}`).toBeGreaterThanOrEqual(least);
    }
  });
});
