/** `/reset-password#token`: sets a new password; without a token, or with one that is over, asks for a link. */
import { empty, fill, get, onSubmit, part, post, show, takeToken, typed, valueAt } from './page.js';

const token = takeToken();
const OVER = 'This link is not valid any more: it was used, or it is older than an hour.';
const NONE = 'A new password is set by a link. Open the one that you got, or ask for one here.';

onSubmit('reset', async () => {
  const password = typed('reset', 'password');
  if (password !== typed('reset', 'again')) {
    return { message: 'The two passwords are not the same.', field: 'again' };
  }
  const answer = await post('api/auth/reset-password', { token, password });
  if (answer.field === 'token') return askForLink(OVER);
  if (!answer.ok) return answer;
  empty('reset');
  show('done');
  return null;
});

onSubmit('ask-form', async () => {
  const answer = await post('api/auth/request-password-reset', { email: typed('ask-form', 'email') });
  if (!answer.ok) return answer;
  show('asked');
  return null;
});

part('reveal', HTMLInputElement).addEventListener('change', (event) => {
  const isShown = event.target instanceof HTMLInputElement && event.target.checked;
  for (const id of ['password', 'again']) part(id, HTMLInputElement).type = isShown ? 'text' : 'password';
});

if (token === '') await askForLink(NONE);
else show('new');

/**
 * @param {string} why
 * @returns {Promise<null>} there is nothing more to say in the form
 */
async function askForLink(why) {
  const options = await get('api/auth/options');
  const mails = valueAt(options.json, 'mails') === true;
  part('ask-form', HTMLElement).hidden = !mails;
  part('ask-operator', HTMLElement).hidden = mails;
  fill('why', why);
  show('ask');
  return null;
}
