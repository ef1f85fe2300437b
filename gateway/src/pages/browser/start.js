/** `/`: how this server is, and who is signed in. */
import {
  empty,
  fill,
  get,
  onClick,
  onSubmit,
  part,
  post,
  reveal,
  show,
  textAt,
  typed,
  valueAt,
} from './page.js';

const HEALTH = new Map([
  ['ok', 'Everything works.'],
  ['degraded', 'It answers, but not everything works:'],
  ['down', 'It cannot answer requests now:'],
]);

onSubmit('sign-in', async () => {
  const [email, password] = ['email', 'password'].map((field) => typed('sign-in', field));
  const answer = await post('api/auth/sign-in', { email, password });
  if (!answer.ok) return answer;
  empty('sign-in');
  await fillPerson(answer.json);
  show('signed-in');
  return null;
});

onClick('sign-out', async () => {
  const answer = await post('api/auth/sign-out');
  if (answer.ok || answer.status === 401) show('sign-in');
  else fill('account-trouble', answer.message);
});

fill('base', new URL('v1', document.baseURI).href);
await Promise.all([showHealth(), showAccount()]);

async function showHealth() {
  const { json, message } = await get('health');
  const status = textAt(json, 'status');
  fill('health', HEALTH.get(status) ?? message);
  part('health', HTMLElement).dataset['status'] = status;
  const components = valueAt(json, 'components');
  if (typeof components !== 'object' || components === null) return;
  const errors = Object.values(components).map((component) => textAt(component, 'error'));
  list(
    'health-errors',
    errors.filter((error) => error !== ''),
  );
}

async function showAccount() {
  const session = await get('api/session');
  if (session.ok) await fillPerson(session.json);
  reveal(session.ok ? 'signed-in' : 'sign-in');
}

/** @param {unknown} answer that has the person */
async function fillPerson(answer) {
  const { json } = await get('api/organizations');
  const found = valueAt(json, 'data');
  const organizations = Array.isArray(found) ? found : [];
  fill('person', `${textAt(answer, 'person', 'name')} (${textAt(answer, 'person', 'email')})`);
  fill(
    'membership',
    organizations.length > 0 ? 'Your organizations:' : 'You are a member of no organization.',
  );
  list(
    'organizations',
    organizations.map((one) => `${textAt(one, 'name')} (${textAt(one, 'role')})`),
  );
}

/**
 * @param {string} id
 * @param {readonly string[]} texts
 */
function list(id, texts) {
  const items = texts.map((text) => {
    const item = document.createElement('li');
    item.textContent = text;
    return item;
  });
  part(id, HTMLElement).replaceChildren(...items);
}
