export { startStoresForVitest as setup } from "@control-plane/local-stores";
