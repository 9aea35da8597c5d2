import { cpus, loadavg } from "node:os";

const load = (loadavg()[0] ?? 0) / cpus().length;

/** On a machine that has far more to do than it can, everything takes its time, and times that were told would be lies. */
export const STRETCH = load > 2 ? 4 : 1;

/** Whether what takes long may have waited for a processor. */
export const isBusy = (): boolean => STRETCH > 1 || (loadavg()[0] ?? 0) > cpus().length;
