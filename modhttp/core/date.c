#include "core/answer.h"

#include <string.h>

#include "core/chars.h"
#include "core/number.h"

static const char weekdays[] = "ThuFriSatSunMonTueWed";     // the first of all was a Thursday
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static const uint64_t last_second = 253402300799;   // of the year 9999

void mh_date(uint64_t seconds, char *out) {
    seconds = seconds < last_second ? seconds : last_second;
    uint32_t days = (uint32_t)(seconds / 86400);
    uint32_t second = (uint32_t)(seconds - (uint64_t)days * 86400);
    uint32_t weekday = days % 7;
    // Years and months are counted from March, the leap day last; eras are 400 years, the first began on 0000-03-01.
    days += 719468;
    uint32_t era = days / 146097;
    days -= era * 146097;
    uint32_t year = (days - days / 1460 + days / 36524 - days / 146096) / 365;
    days -= 365 * year + year / 4 - year / 100;
    uint32_t month = (5 * days + 2) / 153;
    days -= (153 * month + 2) / 5;
    month = month < 10 ? month + 2 : month - 10;
    year += era * 400 + (month < 2);
    memcpy(out, "Thu, 01 Jan 1970 00:00:00 GMT", MH_DATE_LEN);
    memcpy(out, &weekdays[weekday * 3], 3);
    mh_two_digits(days + 1, out + 5);
    memcpy(out + 8, &months[month * 3], 3);
    mh_two_digits(year / 100, out + 12);
    mh_two_digits(year % 100, out + 14);
    mh_two_digits(second / 3600, out + 17);
    mh_two_digits(second / 60 % 60, out + 20);
    mh_two_digits(second % 60, out + 23);
}

// ---- reading

typedef struct _date_t {
    const uint8_t *p;
    const uint8_t *end;
    uint32_t year;
    uint32_t month;     // 0 is January
    uint32_t day;
    uint32_t second;    // of the day
} date_t;

// So many decimal digits; false where they are not there.
static bool read_digits(date_t *date, int count, uint32_t *number) {
    uint32_t n = 0;
    for (; count > 0; --count) {
        if (date->p == date->end || !mh_is(*date->p, MH_CHAR_DIGIT)) {
            return false;
        }
        n = n * 10 + (*date->p++ - '0');
    }
    *number = n;
    return true;
}

// Which of the `count` names of three letters there is; -1 for none.
static int read_name(date_t *date, const char *names, int count) {
    for (int i = 0; i < count && date->end - date->p >= 3; ++i) {
        if (memcmp(date->p, names + 3 * i, 3) == 0) {
            date->p += 3;
            return i;
        }
    }
    return -1;
}

static bool read_text(date_t *date, const char *text) {
    size_t len = strlen(text);
    if ((size_t)(date->end - date->p) < len || memcmp(date->p, text, len) != 0) {
        return false;
    }
    date->p += len;
    return true;
}

static bool read_month(date_t *date) {
    int month = read_name(date, months, 12);
    date->month = (uint32_t)month;
    return month >= 0;
}

static bool read_time(date_t *date) {
    uint32_t hour, minute, second;
    bool found = read_digits(date, 2, &hour) && read_text(date, ":") && read_digits(date, 2, &minute) && read_text(date, ":")
        && read_digits(date, 2, &second);
    if (!found || hour > 23 || minute > 59 || second > 60) {    // 60: a leap second
        return false;
    }
    date->second = hour * 3600 + minute * 60 + second;
    return true;
}

static bool read_weekday(date_t *date) {
    return read_name(date, weekdays, 7) >= 0;
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
static bool read_fixdate(date_t *date) {
    return read_weekday(date) && read_text(date, ", ") && read_digits(date, 2, &date->day) && read_text(date, " ") && read_month(date)
        && read_text(date, " ") && read_digits(date, 4, &date->year) && read_text(date, " ") && read_time(date) && read_text(date, " GMT");
}

// "Sunday, 06-Nov-94 08:49:37 GMT": its year has to be completed.
static bool read_rfc850(date_t *date) {
    static const char *const rest[] = { "rsday", "day", "urday", "day", "day", "sday", "nesday" };
    int weekday = read_name(date, weekdays, 7);
    return weekday >= 0 && read_text(date, rest[weekday]) && read_text(date, ", ") && read_digits(date, 2, &date->day)
        && read_text(date, "-") && read_month(date) && read_text(date, "-") && read_digits(date, 2, &date->year) && read_text(date, " ")
        && read_time(date) && read_text(date, " GMT");
}

// "Sun Nov  6 08:49:37 1994"
static bool read_asctime(date_t *date) {
    return read_weekday(date) && read_text(date, " ") && read_month(date) && read_text(date, " ")
        && (read_text(date, " ") ? read_digits(date, 1, &date->day) : read_digits(date, 2, &date->day))
        && read_text(date, " ") && read_time(date) && read_text(date, " ") && read_digits(date, 4, &date->year);
}

static bool is_leap(uint32_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool is_day(const date_t *date) {
    uint32_t last = 30 + ((date->month + (date->month > 6) + 1) & 1);    // 31 days in January, March…, and from August on in the others
    if (date->month == 1) {
        last = is_leap(date->year) ? 29 : 28;
    }
    return date->day >= 1 && date->day <= last;
}

// Since 1970, of a year from then on.
static uint64_t seconds_of(const date_t *date) {
    uint32_t year = date->month < 2 ? date->year - 1 : date->year;      // that began in March
    uint32_t month = date->month < 2 ? date->month + 10 : date->month - 2;
    uint32_t days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + date->day - 1 - 719468;
    return (uint64_t)days * 86400 + date->second;
}

// Of a year of two digits: the latest that is no more than 50 years away.
static void complete_year(date_t *date, uint64_t now) {
    static const uint64_t fifty = 50 * 31556952ull;
    date->year += 2000;
    while (seconds_of(date) <= now + fifty) {
        date->year += 100;
    }
    date->year -= 100;
}

bool mh_date_read(const char *text, size_t len, uint64_t now, uint64_t *seconds) {
    const uint8_t *p = (const uint8_t *)text;
    date_t date = { .p = p, .end = p + len };
    bool found;
    if (len > 3 && p[3] == ',') {
        found = read_fixdate(&date);
    } else if (len > 3 && p[3] >= 'a') {
        found = read_rfc850(&date);
        if (found) {
            complete_year(&date, now < last_second ? now : last_second);
        }
    } else {
        found = read_asctime(&date);
    }
    if (!found || date.p != date.end || !is_day(&date)) {
        return false;
    }
    *seconds = date.year < 1970 ? 0 : seconds_of(&date);
    return true;
}
