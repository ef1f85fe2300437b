/** The form of what the device gives, and its place. */
import { element, onClick, part, say, show } from './dom.ts';
import { MEMORY_CHOICES_MB, roundedPlace, type Settings, STORAGE_CHOICES_MB } from './settings.ts';
import { choice } from './words.ts';

type Change = (changes: Partial<Settings>) => void;

const PLACE_TIMEOUT_MS = 20_000;

export function setUpLimits(settings: Settings, canKeepAwake: boolean, change: Change): void {
  setUpShare(settings, change);
  setUpChoices('memory', MEMORY_CHOICES_MB, settings.memoryMb, (memoryMb) => change({ memoryMb }));
  setUpChoices('storage', STORAGE_CHOICES_MB, settings.storageMb, (storageMb) => change({ storageMb }));
  setUpName(settings, change);
  setUpAwake(settings, canKeepAwake, change);
  setUpPlace(settings, change);
  part('limits', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
}

function setUpShare({ cpuShare }: Settings, change: Change): void {
  const slider = part('cpu', HTMLInputElement);
  const tell = () => say('cpu-value', `${slider.value} %`);
  slider.value = String(Math.round(cpuShare * 100));
  slider.addEventListener('input', tell);
  // Not while it is dragged: each change is told to the gateway.
  slider.addEventListener('change', () => change({ cpuShare: slider.valueAsNumber / 100 }));
  tell();
}

function setUpChoices(
  id: string,
  choices: readonly number[],
  chosen: number,
  choose: (mb: number) => void,
): void {
  const select = part(id, HTMLSelectElement);
  for (const mb of choices) select.append(element('option', { value: String(mb) }, choice(mb)));
  select.value = String(chosen);
  select.addEventListener('change', () => choose(Number(select.value)));
}

function setUpName({ name }: Settings, change: Change): void {
  const field = part('device-name', HTMLInputElement);
  field.value = name;
  field.addEventListener('change', () => {
    const given = field.value.trim();
    if (given !== '') change({ name: given });
    else field.value = name;
  });
  say('name', name);
}

function setUpAwake({ keepAwake }: Settings, possible: boolean, change: Change): void {
  const box = part('keep-awake', HTMLInputElement);
  box.checked = keepAwake && possible;
  box.disabled = !possible;
  if (!possible) {
    const why = isSecureContext ? 'This browser cannot do that' : 'Browsers allow this only over https';
    say('awake-hint', `${why}: let the device’s own settings keep the screen on.`);
  }
  box.addEventListener('change', () => change({ keepAwake: box.checked }));
}

function setUpPlace(settings: Settings, change: Change): void {
  const possible = isSecureContext && 'geolocation' in navigator;
  part('give-place', HTMLButtonElement).disabled = !possible;
  showPlace(settings.place, possible);
  const set = (place: Settings['place']) => {
    change({ place });
    showPlace(place, possible);
  };
  onClick('give-place', () => {
    say('place', 'Asking the browser…');
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => set(roundedPlace(coords.latitude, coords.longitude)),
      ({ message }) => say('place', `The browser did not give a place: ${message || 'no reason given'}.`),
      { timeout: PLACE_TIMEOUT_MS, maximumAge: 3_600_000 },
    );
  });
  onClick('take-place', () => set(null));
}

function showPlace(place: Settings['place'], possible: boolean): void {
  show('take-place', place !== null);
  const guess = 'Nearer callers get quicker answers. Without it the server guesses by time zone or address.';
  if (place !== null) {
    const { latitude, longitude } = place;
    say('place', `Given as ${latitude.toFixed(1)}, ${longitude.toFixed(1)}: rounded to some ten kilometres.`);
  } else if (possible)
    say('place', `${guess} The place is rounded to some ten kilometres before it is sent.`);
  else say('place', `${guess} Browsers give a place only over https.`);
}
