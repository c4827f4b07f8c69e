// Signs and verifies webhooks with the vendors' own libraries: one JSON object a line in, one out.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

// The libraries stand in the folder that the process runs in.
const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const Stripe = require('stripe');
const twilio = require('twilio');
const { Webhook } = require('standardwebhooks');

const stripe = new (Stripe.default ?? Stripe)('sk_test_of_nobody');

const acts = {
  stripe_sign: (ask) =>
    stripe.webhooks.generateTestHeaderString({ payload: ask.body, secret: ask.secret, timestamp: ask.time }),
  stripe_verify: (ask) => Boolean(stripe.webhooks.constructEvent(ask.body, ask.signature, ask.secret, 300)),
  twilio_sign: (ask) => twilio.getExpectedTwilioSignature(ask.secret, ask.url, ask.fields ?? {}),
  twilio_verify: (ask) =>
    ask.fields === null
      ? twilio.validateRequestWithBody(ask.secret, ask.signature, ask.url, ask.body)
      : twilio.validateRequest(ask.secret, ask.signature, ask.url, ask.fields),
  standard_sign: (ask) => new Webhook(ask.secret).sign(ask.id, new Date(ask.time * 1000), ask.body),
  standard_verify: (ask) => {
    const headers = { 'webhook-id': ask.id, 'webhook-timestamp': String(ask.time), 'webhook-signature': ask.signature };
    new Webhook(ask.secret).verify(ask.body, headers);
    return true;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line);
  let answer;
  try {
    answer = acts[`${ask.scheme}_${ask.act}`](ask);
  } catch (error) {
    if (ask.act === 'sign') throw error;
    answer = false;
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
