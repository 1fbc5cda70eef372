/**
 * Exact decimal numbers out of floats, by the digits that print them.
 * Source: github.com/shopspring/decimal (quotients have 16 places, rounded half away from zero).
 */

const divisionPlaces = 16;

export class Decimal {
  readonly #digits: bigint;
  /** Places behind the point; never negative. */
  readonly #places: number;

  constructor(digits: bigint, places: number) {
    this.#digits = digits;
    this.#places = places;
  }

  /** Of a finite number: the fewest digits that read back as it. */
  static of(value: number): Decimal {
    const [mantissa = '0', exponent = '0'] = value.toExponential().split('e');
    const [whole = '0', fraction = ''] = mantissa.split('.');
    const places = fraction.length - Number(exponent);
    const digits = BigInt(whole + fraction);
    return places >= 0 ? new Decimal(digits, places) : new Decimal(digits * 10n ** BigInt(-places), 0);
  }

  add(other: Decimal): Decimal {
    const places = Math.max(this.#places, other.#places);
    return new Decimal(this.#scaled(places) + other.#scaled(places), places);
  }

  subtract(other: Decimal): Decimal {
    const places = Math.max(this.#places, other.#places);
    return new Decimal(this.#scaled(places) - other.#scaled(places), places);
  }

  multiply(other: Decimal): Decimal {
    return new Decimal(this.#digits * other.#digits, this.#places + other.#places);
  }

  /** Throws when the other is zero. */
  divide(other: Decimal): Decimal {
    if (other.#digits === 0n) throw new Error('decimal division by 0');
    const dividend = this.#digits * 10n ** BigInt(divisionPlaces + other.#places);
    const divisor = other.#digits * 10n ** BigInt(this.#places);
    const quotient = dividend / divisor;
    const rest = dividend % divisor;
    const doubled = 2n * (rest < 0n ? -rest : rest);
    const size = divisor < 0n ? -divisor : divisor;
    const away = dividend < 0n === divisor < 0n ? 1n : -1n;
    return new Decimal(doubled >= size ? quotient + away : quotient, divisionPlaces);
  }

  /** The nearest float. */
  toNumber(): number {
    return Number(`${this.#digits}e-${this.#places}`);
  }

  #scaled(places: number): bigint {
    return this.#digits * 10n ** BigInt(places - this.#places);
  }
}
