/* SPDX-License-Identifier: MIT
 *
 * Names and texts of error codes.
 */
#include "support/test.h"
#include <coir/error.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

TEST(the_codes_of_the_contract_have_names)
{
    static const struct {
        int code;
        const char *name;
    } codes[] = {
        {-ECANCELED, "ECANCELED"},
        {-ETIME, "ETIME"},
        {-ESHUTDOWN, "ESHUTDOWN"},
        {-EBUSY, "EBUSY"},
        {-EBADF, "EBADF"},
        {-ENOBUFS, "ENOBUFS"},
        {-EMSGSIZE, "EMSGSIZE"},
        {-ETIMEDOUT, "ETIMEDOUT"},
        {-ECONNRESET, "ECONNRESET"},
        {-ECONNREFUSED, "ECONNREFUSED"},
        {-EPIPE, "EPIPE"},
        {-ENOMEM, "ENOMEM"},
        {-EMFILE, "EMFILE"},
        {-EINVAL, "EINVAL"},
        {COIR_ERROR_ADDRESS, "COIR_ERROR_ADDRESS"},
        {COIR_ERROR_HOST_NAME, "COIR_ERROR_HOST_NAME"},
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        assert_string_equal(coir_error_name(codes[i].code), codes[i].name);
        assert_string_equal(coir_error_name(-codes[i].code), codes[i].name); /* the sign is ignored */
        assert_ptr_equal(coir_error_text(codes[i].code), coir_error_text(-codes[i].code));
    }
}

TEST(every_code_that_the_headers_name_has_a_name)
{
    static const int codes[] = {
        EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EBADF,     EBUSY,     ECANCELED,    ECONNREFUSED,
        EINVAL, ECONNRESET, EHOSTUNREACH,  ELOOP,        EMFILE,    EMSGSIZE,  ENAMETOOLONG, ENETUNREACH,
        ENFILE, ENOBUFS,    ENOENT,        ENOMEM,       ENOSPC,    ENOSYS,    ENOTCONN,     ENOTDIR,
        EPERM,  ENOTSOCK,   EPIPE,         EROFS,        ESHUTDOWN, ETIMEDOUT, ETIME,        ESOCKTNOSUPPORT,
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(coir_error_name(codes[i]), "UNKNOWN") == 0)
            fail_msg("%s has no name", strerror(codes[i]));
}

TEST(whatever_the_number_there_is_a_text_without_a_full_stop)
{
    static const int far[] = {INT_MIN, INT_MIN + 1, INT_MAX, -5000, 5000, 0};

    for (int code = -4200; code <= 4200; code++) {
        const char *text = coir_error_text(code);

        assert_true(strlen(text) > 0);
        assert_int_not_equal(text[strlen(text) - 1], '.');
        assert_true(strlen(coir_error_name(code)) > 0);
    }
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        assert_non_null(coir_error_name(far[i]));
        assert_true(strlen(coir_error_text(far[i])) > 0);
    }
    assert_string_equal(coir_error_name(INT_MIN), "UNKNOWN");
    assert_string_equal(coir_error_name(-4095), "UNKNOWN");
}
