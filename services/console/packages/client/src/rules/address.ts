import { splitOnce } from "./parsed.js";

/** The longest host, database or user name, in bytes. */
export const NAME_BYTES = 253;

/** Parses one DNS name or IP address, with IPv6 in brackets or without; returns its normal form, or null. */
export function parseHost(text: string): string | null {
  if (text.startsWith("[") && text.endsWith("]")) return parseIpv6(text.slice(1, -1));
  if (text.includes(":")) return parseIpv6(text);
  if (IPV4.test(text)) return text;
  const name = text.replace(/\.$/, "").toLowerCase();
  return name.length <= NAME_BYTES && DNS_NAME.test(name) ? name : null;
}

/** Splits host:port or [v6]:port. The port is what follows the first ":" after the brackets. */
export function splitAddress(text: string): [host: string, port: string] {
  const afterBracket = text.lastIndexOf("]") + 1;
  const [rest, port = ""] = splitOnce(text.slice(afterBracket), ":");
  return [text.slice(0, afterBracket) + rest, port];
}

/** Parses a port from 1 to 65535, or null. An empty one is the default (RFC 3986, section 3.2.3). */
export function parsePort(digits: string, byDefault: number): number | null {
  if (digits === "") return byDefault;
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  return port >= 1 && port <= 65_535 ? port : null;
}

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** The last label starts with a letter, so that 127.1 and 0x7f.1, which some resolvers take for addresses, are no names. */
const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const DNS_NAME = new RegExp(`^(?:${LABEL}\\.)*(?=[a-z])${LABEL}$`);

function parseIpv6(text: string): string | null {
  if (!/^[0-9a-f:.]+$/i.test(text)) return null;
  try {
    return new URL(`http://[${text}]`).hostname.slice(1, -1);
  } catch {
    return null;
  }
}
