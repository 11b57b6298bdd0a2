/** What `POST /enxame/v1/page/login` answers. */
export interface PageLogin {
  /** Where the page is, as the manager listens there. */
  readonly address: string;
  readonly scheme: 'http' | 'https';
  /** With the secret behind its `#`. */
  readonly path: string;
  readonly expiresInSeconds: number;
}

/** Makes links that log in once. */
export interface PageDoor {
  login(options: { readonly readOnly: boolean }): PageLogin;
}
