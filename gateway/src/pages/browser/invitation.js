/** `/invitation#token`: what it is to, who takes it, and then a membership. */
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
  takeToken,
  textAt,
  typed,
  valueAt,
} from './page.js';

/** @typedef {import('./page.js').Answer} Answer */

const token = takeToken();
/** Of the account that the invitation is for; empty when it is for whoever has the link. */
let invited = '';
/** Whether this server makes no new accounts. */
let takesNobody = false;

const WITH_ARTICLE = new Map([
  ['owner', 'an owner'],
  ['admin', 'an admin'],
  ['developer', 'a developer'],
  ['viewer', 'a viewer'],
]);

onSubmit('sign-up', async () => {
  const [email, name, password] = ['email', 'name', 'password'].map((field) => typed('sign-up', field));
  // One transaction makes the account and the membership.
  const answer = await post('api/auth/sign-up', { email, name, password, invitation: token });
  if (answer.ok) finish(answer);
  else if (answer.status === 404) show('over');
  else return answer;
  return null;
});

onSubmit('sign-in', async () => {
  const [email, password] = ['email', 'password'].map((field) => typed('sign-in', field));
  const answer = await post('api/auth/sign-in', { email, password });
  if (!answer.ok) return answer;
  empty('sign-in');
  show(goOn(answer));
  return null;
});

onSubmit('go-on', async () => {
  const answer = await post('api/invitations/accept', { token });
  if (answer.ok) show('done');
  else if (answer.status === 404) show('over');
  else if (answer.status === 401) show(accountView());
  else return answer;
  return null;
});

onClick('have-account', () => show('sign-in'));
onClick('have-none', () => show('sign-up'));
onClick('try-again', () => void begin());
onClick('another-account', async () => {
  const answer = await post('api/auth/sign-out');
  if (answer.ok || answer.status === 401) show(accountView());
  else trouble(answer);
});

await begin();

async function begin() {
  if (token === '') return show('none');
  const [view, session, options] = await Promise.all([
    post('api/invitations/view', { token }),
    get('api/session'),
    get('api/auth/options'),
  ]);
  if (view.status === 404 || view.status === 400) return show('over');
  const failed = [view, options].find(({ ok }) => !ok) ?? (isKnown(session) ? undefined : session);
  if (failed) return trouble(failed);
  describe(view.json);
  takesNobody = valueAt(options.json, 'sign_up') === 'closed';
  reveal(session.ok ? goOn(session) : accountView());
  show('invited');
}

/** @param {Answer} session known are both: who is signed in, and that nobody is */
function isKnown({ ok, status }) {
  return ok || status === 401;
}

/** @param {unknown} view */
function describe(view) {
  invited = textAt(view, 'email');
  const role = textAt(view, 'role');
  const until = new Date(textAt(view, 'expires_at'));
  fill('organization', textAt(view, 'organization_name'));
  fill('role', WITH_ARTICLE.get(role) ?? role);
  fill('until', until.toLocaleString(undefined, { dateStyle: 'long', timeStyle: 'short' }));
  fill('invited', invited);
  part('only-for', HTMLElement).hidden = invited === '';
}

/** @returns {string} the view in which somebody who is not signed in says who they are */
function accountView() {
  part('have-none', HTMLElement).hidden = takesNobody;
  prefill('sign-up-email', invited);
  prefill('sign-in-email', invited);
  return takesNobody ? 'sign-in' : 'sign-up';
}

/**
 * @param {string} id
 * @param {string} email another address would be refused
 */
function prefill(id, email) {
  const input = part(id, HTMLInputElement);
  if (email === '') return;
  input.value = email;
  input.readOnly = true;
}

/**
 * @param {Answer} answer that says who is signed in
 * @returns {string} the view in which they accept
 */
function goOn(answer) {
  const email = textAt(answer.json, 'person', 'email');
  const isOther = invited !== '' && invited !== email;
  fill('person', `${textAt(answer.json, 'person', 'name')} (${email})`);
  part('other-email', HTMLElement).hidden = !isOther;
  part('accept', HTMLElement).hidden = isOther;
  return 'go-on';
}

/** @param {Answer} answer of a sign-up */
function finish(answer) {
  fill('person', `${textAt(answer.json, 'person', 'name')} (${textAt(answer.json, 'person', 'email')})`);
  empty('sign-up');
  show('done');
}

/** @param {Answer} answer */
function trouble(answer) {
  fill('trouble', answer.message);
  show('trouble');
}
