/** Origins of pages that this machine serves to itself, whatever the port: `http://localhost:5173`, `http://[::1]:3000`. */
export const LOOPBACK_ORIGIN = /^https?:\/\/(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;
