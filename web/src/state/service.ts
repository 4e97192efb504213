/** The server that the page came from. */

import { Client, type LiftRequest, type LiftResponse } from "poselift";

/** Asks the server, with the key that was given, if any. */
export class Service {
  constructor(private readonly url: string) {}

  /** Lift in the axes that the scene has. */
  async lift(request: LiftRequest): Promise<LiftResponse> {
    return this.client().lift({ ...request, axes: "y_up" });
  }

  private client(): Client {
    return new Client(this.url, {});
  }
}
