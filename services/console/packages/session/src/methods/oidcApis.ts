import type { OidcConfig } from "../config.js";
import type { ServiceName } from "../method.js";

/** The parts of a request to the provider that select the API that a token is for. */
interface ApiRequest {
  resource?: string | string[];
  /** Of the request for a code. */
  extraQueryParams?: Record<string, string>;
  /** Of the request for a token. */
  extraTokenParams?: Record<string, string>;
}

/** Whether each service is an API of its own at the provider, so that a token is for one of them only. */
export function hasApis({ resource, audience }: OidcConfig): boolean {
  return typeof resource === "object" || typeof audience === "object";
}

/** For a token for this service. Empty if tokens are for both services: the manager's settings say so already. */
export function requestOne(config: OidcConfig, service: ServiceName): ApiRequest {
  if (!hasApis(config)) return {};
  const resource = apiOf(config, "resource", service);
  const audience = apiOf(config, "audience", service);
  return {
    ...resource,
    extraQueryParams: audience,
    extraTokenParams: { ...resource, ...audience },
  };
}

/** The same, with the user's consent to the other service too (RFC 8707, 2.1): its token is asked for later. */
export function requestAll(config: OidcConfig, service: ServiceName): ApiRequest {
  const one = requestOne(config, service);
  const { resource } = config;
  return typeof resource === "object" ? { ...one, resource: Object.values(resource) } : one;
}

function apiOf(
  config: OidcConfig,
  parameter: "resource" | "audience",
  service: ServiceName,
): Record<string, string> {
  const value = config[parameter];
  if (value === undefined) return {};
  return { [parameter]: typeof value === "string" ? value : value[service] };
}
