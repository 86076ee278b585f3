/**
 * Whether a text can be a connection's name: 1 to 63 characters of a-z, 0-9 and "-", which starts with a letter and does
 * not end with "-".
 */
export function isConnectionName(text: string): boolean {
  return /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}
