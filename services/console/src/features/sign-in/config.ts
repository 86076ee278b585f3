/** The sign-in method, from the server's /config.json. So far there is only the development one. */
export interface ConsoleConfig {
  signIn: "development";
}

export async function loadConfig(fetcher: typeof fetch): Promise<ConsoleConfig> {
  const response = await fetcher("/config.json");
  if (!response.ok) throw new Error(`config.json: ${response.status}`);
  const config: unknown = await response.json();
  const signIn = (config as { sign_in?: unknown } | null)?.sign_in;
  if (signIn !== "development") throw new UnknownSignIn();
  return { signIn };
}

export class UnknownSignIn extends Error {}
