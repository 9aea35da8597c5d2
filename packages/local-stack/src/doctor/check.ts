/** One thing that the doctor looked at. `remedy` is there exactly when something is wrong with it. */
export type Check = { area: string; name: string; found: string; remedy?: string };

export type Look = () => Promise<readonly Check[]>;
