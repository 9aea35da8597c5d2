import { startStoresForVitest } from "@control-plane/local-stores";

export const setup = startStoresForVitest;
