/** Milliseconds from one time to the next while more and more happens. */
const BETWEEN = 100;

/**
 * Does something in the next frame after it is asked for, once for all that asks until then, and not again before a
 * tenth of a second has passed: a run of many steps tells much in each frame, and drawing it costs more than knowing it.
 */
export class Pace {
  constructor(private readonly act: () => void) {}

  /** Do it soon. */
  soon(): void {
    if (this.timer === undefined && this.frame === 0) {
      const wait = this.last + BETWEEN - performance.now();
      if (wait > 0) {
        this.timer = setTimeout(() => {
          this.timer = undefined;
          this.draw();
        }, wait);
      } else {
        this.draw();
      }
    }
  }

  /** Do it no more, until it is asked for again. */
  stop(): void {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.timer = undefined;
    this.frame = 0;
  }

  private draw(): void {
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.last = performance.now();
      this.act();
    });
  }

  private timer: ReturnType<typeof setTimeout> | undefined;
  private frame = 0;
  private last = -Infinity;
}
