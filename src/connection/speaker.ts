/** What speaks to the client by itself, past results: a hosted socket. */
export interface Speaker {
  /** The client's messages are to wait. Who ends that MUST wake the connection. */
  readonly isHolding: boolean;
  /** The client has drained, or the end is decided: goes on with what waits to be sent. */
  proceed(): void;
}
