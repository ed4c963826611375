-- What a pattern shares with a memory at most, without its symbols being read: some 33 bytes a row,
-- compared bit by bit. The columns follow from `symbols`, so rows that were there before have them
-- too; they are computed when they are read until the last two statements, which ClickHouse carries
-- out in the background, have stored them.

ALTER TABLE patterns
    ADD COLUMN IF NOT EXISTS shape UInt8
        DEFAULT least(length(symbols), 127) + if(empty(event_ends), 0, 128)
        COMMENT 'symbols, at most 127; plus 128 unless each event has one' CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS frequent UInt64
        DEFAULT arrayReduce('groupBitOr', arrayMap(
            s -> bitShiftLeft(toUInt64(s <= 64), toUInt8((s - 1) % 64)), symbols))
        COMMENT 'a bit for each of the symbols up to 64' CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS others UInt64
        DEFAULT arrayReduce('groupBitOr', arrayMap(
            s -> bitShiftLeft(toUInt64(s > 64), bitShiftRight(toUInt64(s) * 11400714819323198485, 58)),
            symbols))
        COMMENT 'hashed bits of the other symbols' CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS low_pairs UInt64
        DEFAULT arrayReduce('groupBitOr', arrayMap(
            k -> if(k < 9223372036854775808, bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 57), 63))), bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 51), 63))),
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 45), 63))))), toUInt64(0)),
            arrayMap((s, t) -> bitOr(bitShiftLeft(toUInt64(s), 32), toUInt64(t)) * 11400714819323198485,
                arrayPopBack(symbols), arrayPopFront(symbols))))
        COMMENT 'three bits for each pair of adjacent symbols whose hash is below 2^63' CODEC(NONE),
    ADD COLUMN IF NOT EXISTS high_pairs UInt64
        DEFAULT arrayReduce('groupBitOr', arrayMap(
            k -> if(k >= 9223372036854775808, bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 57), 63))), bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 51), 63))),
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 45), 63))))), toUInt64(0)),
            arrayMap((s, t) -> bitOr(bitShiftLeft(toUInt64(s), 32), toUInt64(t)) * 11400714819323198485,
                arrayPopBack(symbols), arrayPopFront(symbols))))
        COMMENT 'the same for the other pairs' CODEC(NONE);

-- A posting without symbols is that of a long pattern: nothing is known of its pairs.
ALTER TABLE postings
    ADD COLUMN IF NOT EXISTS low_pairs UInt64
        DEFAULT if(empty(symbols), 18446744073709551615, arrayReduce('groupBitOr', arrayMap(
            k -> if(k < 9223372036854775808, bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 57), 63))), bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 51), 63))),
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 45), 63))))), toUInt64(0)),
            arrayMap((s, t) -> bitOr(bitShiftLeft(toUInt64(s), 32), toUInt64(t)) * 11400714819323198485,
                arrayPopBack(symbols), arrayPopFront(symbols)))))
        COMMENT 'as in patterns' CODEC(NONE),
    ADD COLUMN IF NOT EXISTS high_pairs UInt64
        DEFAULT if(empty(symbols), 18446744073709551615, arrayReduce('groupBitOr', arrayMap(
            k -> if(k >= 9223372036854775808, bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 57), 63))), bitOr(
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 51), 63))),
                bitShiftLeft(toUInt64(1), toUInt8(bitAnd(bitShiftRight(k, 45), 63))))), toUInt64(0)),
            arrayMap((s, t) -> bitOr(bitShiftLeft(toUInt64(s), 32), toUInt64(t)) * 11400714819323198485,
                arrayPopBack(symbols), arrayPopFront(symbols)))))
        COMMENT 'as in patterns' CODEC(NONE);

ALTER TABLE patterns MATERIALIZE COLUMN shape, MATERIALIZE COLUMN frequent,
    MATERIALIZE COLUMN others, MATERIALIZE COLUMN low_pairs, MATERIALIZE COLUMN high_pairs
    SETTINGS mutations_sync = 0;

ALTER TABLE postings MATERIALIZE COLUMN low_pairs, MATERIALIZE COLUMN high_pairs
    SETTINGS mutations_sync = 0;
