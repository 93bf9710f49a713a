#include "core/answer.h"

#include <string.h>

#include "core/number.h"

void mh_date(uint64_t seconds, char *out) {
    static const uint64_t last = 253402300799;  // of the year 9999
    seconds = seconds < last ? seconds : last;
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
    memcpy(out, &"ThuFriSatSunMonTueWed"[weekday * 3], 3);
    mh_two_digits(days + 1, out + 5);
    memcpy(out + 8, &"JanFebMarAprMayJunJulAugSepOctNovDec"[month * 3], 3);
    mh_two_digits(year / 100, out + 12);
    mh_two_digits(year % 100, out + 14);
    mh_two_digits(second / 3600, out + 17);
    mh_two_digits(second / 60 % 60, out + 20);
    mh_two_digits(second % 60, out + 23);
}
