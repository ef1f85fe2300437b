/** The page's policy lets scripts be named only through this: the files of our own build, and no others. */

type OwnScript = 'node/worker.js' | 'node/service-worker.js';

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): URL };
}

const policy = trustedTypesHere()?.createPolicy('zerogpu-node', { createScriptURL: (url) => url });

/** To be handed to `new Worker` and the like; its type is a lie that these take for granted everywhere. */
export function scriptUrl(name: OwnScript): URL {
  const url = new URL(name, document.baseURI);
  return policy?.createScriptURL(url.href) ?? url;
}

/** Chromium has them, and Safari since 26; where they are not, nothing asks for them. */
function trustedTypesHere(): TrustedTypes | undefined {
  return (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
}
