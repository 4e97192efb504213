/** How the clip is lifted; every change lifts it again. */

import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ListedModel } from "poselift";
import { changed, FLAG_OPTIONS, NUMBER_OPTIONS, valueOf, type Change, type NumberOption, type Options } from "../state/options";
import { usePage } from "../state/store-context";
import { Panel } from "./panel";

export function OptionsPanel() {
  const { store } = usePage();
  if (!store.clip.value) return null;
  const count = Object.keys(store.options.value).length;
  return (
    <Panel title="Options" isFolded {...(count > 0 && { aside: `${count} changed` })}>
      <div class="options">
        <ModelChoice />
        <div class="fields">
          {NUMBER_OPTIONS.map((option) => (
            <NumberField key={option.name} option={option} />
          ))}
        </div>
        {(Object.keys(FLAG_OPTIONS) as (keyof typeof FLAG_OPTIONS)[]).map((name) => (
          <FlagField key={name} name={name} />
        ))}
        <OtherErrors />
      </div>
    </Panel>
  );
}

function ModelChoice() {
  const { store, service } = usePage();
  const models = useSignal<readonly ListedModel[]>([]);
  const set = useChange();
  const lifted = store.answers.value[0];
  useEffect(() => void (models.value.length === 0 && listed(models, () => service.models())), [lifted]);
  const shown = lifted?.response.model.name ?? "";
  const names = models.value.map(({ name }) => name);
  return (
    <label class="field">
      Model
      <select value={shown} onChange={(event) => set({ model: event.currentTarget.value })}>
        {(names.includes(shown) ? names : [shown, ...names]).map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      <Errors of="model" />
    </label>
  );
}

/** The model that is in use is shown whether or not there is a list. */
async function listed(models: Signal<readonly ListedModel[]>, ask: () => Promise<readonly ListedModel[]>): Promise<void> {
  try {
    models.value = await ask();
  } catch {
    models.value = [];
  }
}

function NumberField({ option: { name, label, unit, least, most, step, otherwise } }: { option: NumberOption }) {
  const { store } = usePage();
  const set = useChange();
  const value = valueOf(name, store.options.value, store.clip.value!.request);
  return (
    <label class="field">
      {unit ? `${label} (${unit})` : label}
      <input
        type="number"
        min={least}
        max={most}
        step={step}
        placeholder={otherwise}
        value={value ?? ""}
        onChange={({ currentTarget: { value: text } }) => set({ [name]: text === "" ? undefined : Number(text) })}
      />
      <Errors of={name} />
    </label>
  );
}

function FlagField({ name }: { name: keyof typeof FLAG_OPTIONS }) {
  const { store } = usePage();
  const set = useChange();
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={valueOf(name, store.options.value, store.clip.value!.request) ?? false}
        onChange={(event) => set({ [name]: event.currentTarget.checked })}
      />
      {FLAG_OPTIONS[name]}
    </label>
  );
}

/** Where the API speaks of an option: `fov_degrees` is the camera's. */
function isAbout(where: string, name: keyof Options): boolean {
  return where === name || where === `camera.${name}`;
}

function Errors({ of: name }: { of: keyof Options }) {
  const found = usePage().store.optionErrors.value.filter(({ where }) => isAbout(where, name));
  return found.length > 0 ? <span class="field-error">expected {found.map(({ expected }) => expected).join("; ")}</span> : null;
}

/** What is about none of the fields. */
function OtherErrors() {
  const names: (keyof Options)[] = ["model", ...NUMBER_OPTIONS.map(({ name }) => name)];
  const found = usePage().store.optionErrors.value.filter(({ where }) => !names.some((name) => isAbout(where, name)));
  return (
    <>
      {found.map(({ where, expected }) => (
        <p key={where} class="field-error">
          {where}: expected {expected}
        </p>
      ))}
    </>
  );
}

function useChange(): (change: Change) => void {
  const { store, opener } = usePage();
  return (change) => void opener.liftAgain(changed(store.options.peek(), change));
}
