/* SPDX-License-Identifier: MIT
 *
 * Error codes. Negative errno values keep their meaning; codes below -4095 are
 * coir's own, for failures that errno has no word for.
 */
#ifndef COIR_ERROR_H
#define COIR_ERROR_H

#include <coir/types.h>
#include <errno.h>

COIR_BEGIN_DECLARATIONS

/** The text is not an address URI, or is none for this call, as port 0 for a
 * connect. coir_address_flaw() says more. */
#define COIR_ERROR_ADDRESS (-4096)
/** The host is a name, and names cannot be resolved here: give a number. */
#define COIR_ERROR_HOST_NAME (-4097)

/**
 * The symbol of an error code: "ECANCELED", "COIR_ERROR_ADDRESS".
 *
 * Shape:   `code` as a coir call returned it; its sign is ignored.
 * Returns: static text, never NULL; "UNKNOWN" for a number nobody defined.
 */
COIR_EXPORT const char *coir_error_name(int code);

/**
 * What an error code means, in one clause for a message.
 *
 * Shape:   `code` as a coir call returned it; its sign is ignored.
 * Returns: static text, never NULL, without a full stop.
 */
COIR_EXPORT const char *coir_error_text(int code);

/**
 * What is wrong with the form of the address `uri`, in one clause for a
 * message. May be called outside a task, too.
 *
 * Returns: static text without a full stop; NULL where the form is right. Such
 *          an address may still be none for a certain call.
 */
COIR_EXPORT const char *coir_address_flaw(const char *uri);

COIR_END_DECLARATIONS

#endif
