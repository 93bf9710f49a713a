// The captive portal's DNS server, against a model that reads a message from its end backwards: what an answer would
// have to look like, and then whether this is one.

#include "core/dns.h"
#include "fuzz.h"

static const uint8_t ADDRESS[4] = { 192, 168, 4, 1 };

static unsigned at16(const uint8_t *bytes, size_t at) {
    return bytes[at] * 256u + bytes[at + 1];
}

// The length of the one question's name; 0: there is no such question.
static size_t model_name(const uint8_t *data, size_t len) {
    if (data[4] != 0 || data[5] != 1 || data[6] != 0 || data[7] != 0 || data[8] != 0 || data[9] != 0) {
        return 0;
    }
    for (size_t name = 1; name <= 255 && 12 + name + 4 <= len; ++name) {
        size_t at = 0;
        while (at < name && data[12 + at] != 0 && data[12 + at] < 64) {
            at += data[12 + at] + (size_t)1;
        }
        if (at == name - 1 && data[12 + at] == 0) {
            return name;
        }
    }
    return 0;
}

static unsigned model_code(const uint8_t *data, size_t name) {
    if ((data[2] >> 3) % 16 != 0) {
        return 4;
    }
    if (name == 0) {
        return 1;
    }
    unsigned class = at16(data, 12 + name + 2);
    return class == 1 || class == 255 ? 0 : 5;
}

static void check_record(const uint8_t *record) {
    static const uint8_t expected[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, MH_DNS_TTL, 0, 4, 192, 168, 4, 1 };
    CHECK(memcmp(record, expected, sizeof(expected)) == 0);
}

static void check(const uint8_t *data, size_t len, const uint8_t *answer, size_t answer_len) {
    if (len < 12 || data[2] >= 128) {
        CHECK(answer_len == 0);
        return;
    }
    size_t name = model_name(data, len);
    unsigned code = model_code(data, name);
    size_t question = code == 4 || code == 1 ? 0 : name + 4;
    unsigned type = question == 0 ? 0 : at16(data, 12 + name);
    bool found = code == 0 && (type == 1 || type == 255);
    CHECK(answer_len == 12 + question + (found ? 16 : 0));
    CHECK(answer_len <= MH_DNS_ANSWER_MAX);
    CHECK(at16(answer, 0) == at16(data, 0));
    CHECK(answer[2] == (data[2] & 0x79) + 0x80 && answer[3] == 0x80 + code);
    CHECK(at16(answer, 4) == (question != 0) && at16(answer, 6) == found);
    CHECK(at16(answer, 8) == 0 && at16(answer, 10) == 0);
    CHECK(memcmp(answer + 12, data + 12, question) == 0);
    if (found) {
        check_record(answer + 12 + question);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    uint8_t *message = exact_new(data, len);
    uint8_t *answer = exact_new(NULL, MH_DNS_ANSWER_MAX);
    uint8_t *again = exact_new(NULL, MH_DNS_ANSWER_MAX);
    size_t answer_len = mh_dns_answer(message, len, ADDRESS, answer);
    check(data, len, answer, answer_len);
    CHECK(mh_dns_answer(answer, answer_len, ADDRESS, again) == 0);     // two servers never talk to each other
    exact_free(again, MH_DNS_ANSWER_MAX);
    exact_free(answer, MH_DNS_ANSWER_MAX);
    exact_free(message, len);
    return 0;
}
