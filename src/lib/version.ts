/** The program's version; a test holds it against package.json. */
export const version = '0.1.0';

/** The Consul version that clients are told: the newest whose behaviour the recorded exchanges cover. */
export const compatVersion = '1.10.11';
