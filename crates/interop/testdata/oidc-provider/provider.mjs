// A second identity provider for the interop suite: the certified `oidc-provider` on loopback, with keys made at the
// start, a sign-in page of its own, and claims as the realm of Keycloak has them. It proves nothing about anybody.
import { Provider } from 'oidc-provider';
import { generateKeyPair, exportJWK, calculateJwkThumbprint } from 'jose';
import { createHmac, timingSafeEqual } from 'node:crypto';
import http from 'node:http';

const { origin, clientId, clientSecret, audience } = JSON.parse(process.argv[2]);
const people = new Map();
let lifetime = 300;

const signingKey = async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, alg: 'ES256', use: 'sig', kid: await calculateJwkThumbprint(jwk) };
};
let keys = [await signingKey()];

const server = http.createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const enabled = (name) => {
  const person = people.get(name);
  return person?.enabled ? person : undefined;
};

// What an access token was made from: it carries how its bearer signed in, and in which session.
const sourceOf = (ctx) => ctx.oidc.entities.AuthorizationCode ?? ctx.oidc.entities.RefreshToken;

const build = () => new Provider(issuer, {
  jwks: { keys },
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: [`${origin}/auth/callback`],
    post_logout_redirect_uris: [`${origin}/auth/session`],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    id_token_signed_response_alg: 'ES256',
    backchannel_logout_uri: `${origin}/auth/backchannel-logout`,
    backchannel_logout_session_required: true,
  }],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
  // By default it posts nothing to loopback, where the application of a test stands.
  fetch: (address, { dispatcher, ...options }) => fetch(address, options),
  pkce: { required: () => true },
  acrValues: ['password', 'mfa'],
  claims: { openid: ['sub'], acr: null, sid: null, auth_time: null },
  scopes: ['openid'],
  findAccount: async (ctx, sub) => enabled(sub) && { accountId: sub, claims: async () => ({ sub }) },
  ttl: { Session: 3600, Grant: 3600, Interaction: 600, RefreshToken: 3600, IdToken: 300 },
  issueRefreshToken: async () => true,
  rotateRefreshToken: () => true,
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      // Its page asks whether to sign out here too; whoever came this way says yes.
      logoutSource: (ctx, form) => { ctx.body = form.replace('</form>', '<input name="logout" value="yes"></form>'); },
    },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => `urn:${audience}`,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'api', audience, accessTokenFormat: 'jwt', accessTokenTTL: lifetime, jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  extraTokenClaims: (ctx, token) => {
    const person = enabled(token.accountId);
    const source = sourceOf(ctx);
    return person && {
      customer_id: person.customer ?? undefined,
      realm_access: { roles: person.roles },
      sid: source?.sid,
      acr: source?.acr,
    };
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  cookies: { keys: ['for one test'] },
});
let provider = build();

// RFC 6238 with SHA-1, six digits, thirty seconds.
const oneTimeCode = (secret, step) => {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', secret).update(counter).digest();
  const value = digest.readUInt32BE(digest[19] & 15) & 0x7fffffff;
  return String(value % 1_000_000).padStart(6, '0');
};
const equal = (one, other) => one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
const isCode = (secret, code) => [-1, 0, 1].some((off) => equal(oneTimeCode(secret, Math.floor(Date.now() / 30000) + off), code));

const body = async (req) => {
  const parts = [];
  for await (const part of req) parts.push(part);
  return Buffer.concat(parts).toString();
};
const page = (res, action, inputs) => {
  res.setHeader('content-type', 'text/html');
  const field = (name) => `<input name="${name}">`;
  res.end(`<html><body><form action="${action}" method="post">${inputs.map(field).join('')}</form></body></html>`);
};

const interact = async (req, res) => {
  const details = await provider.interactionDetails(req, res);
  if (details.prompt.name === 'consent') {
    const grant = new provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
    grant.addOIDCScope('openid');
    grant.addResourceScope(`urn:${audience}`, 'api');
    return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
  }
  const factors = details.params.acr_values === 'password' ? ['username', 'password'] : ['username', 'password', 'otp'];
  if (req.method !== 'POST') return page(res, req.url, factors);
  const shown = new URLSearchParams(await body(req));
  const person = enabled(shown.get('username'));
  const second = factors.includes('otp');
  const good = person && equal(person.password, shown.get('password') ?? '') && (!second || isCode(person.second_factor, shown.get('otp') ?? ''));
  if (!good) return page(res, req.url, factors);
  const login = { accountId: shown.get('username'), acr: second ? 'mfa' : 'password', amr: second ? ['pwd', 'otp'] : ['pwd'] };
  return provider.interactionFinished(req, res, { login });
};

// What an administrator of a real provider does on its pages.
const administer = async (req, res, what) => {
  const order = JSON.parse((await body(req)) || '{}');
  if (what === 'people') people.set(order.name, { ...order, enabled: true });
  else if (what === 'disable') people.get(order.name).enabled = false;
  else if (what === 'lifetime') lifetime = order.seconds;
  else if (what === 'rotate') keys = [await signingKey(), ...keys];
  else if (what === 'withdraw') keys = [keys[0]];
  else res.statusCode = 404;
  provider = build();
  res.end();
};

server.on('request', async (req, res) => {
  try {
    const { pathname } = new URL(req.url, issuer);
    if (pathname.startsWith('/interaction/')) return await interact(req, res);
    if (pathname.startsWith('/administration/')) return await administer(req, res, pathname.split('/')[2]);
    return provider.callback()(req, res);
  } catch (error) {
    res.statusCode = 500;
    return res.end(String(error.stack));
  }
});
console.log(JSON.stringify({ issuer }));
