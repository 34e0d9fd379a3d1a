"""The one exception tree.

    SafelightError                      anything we say on purpose
    ├── ApiError                        becomes an HTTP answer: status, type, code, param, message
    │   ├── InvalidRequest        400   invalid_value, unknown_parameter, model_not_found, invalid_json, …
    │   ├── AuthenticationFailed  401   invalid_api_key
    │   ├── NotAllowed            403   model_not_allowed
    │   ├── NotFound              404   not_found
    │   ├── MethodNotAllowed      405   method_not_allowed, with `Allow`
    │   ├── RequestTimeout        408   request_timeout
    │   ├── Gone                  410   link_expired
    │   ├── RequestTooLarge       413   request_too_large
    │   ├── UnsupportedMediaType  415   unsupported_media_type
    │   ├── MisdirectedRequest    421   misdirected_request
    │   ├── HeadTooLarge          431   request_header_fields_too_large
    │   ├── RateLimited           429   rate_limit_exceeded, with `Retry-After`
    │   │   └── QuotaExceeded     429   quota_exceeded, with `Retry-After`
    │   ├── Unavailable           503   engine_overloaded, model_loading, shutting_down, with `Retry-After`
    │   │   ├── StoreUnavailable  503   database_unavailable
    │   │   └── FilesUnavailable  503   storage_unavailable
    │   ├── UpstreamFailed        502   upstream_error
    │   ├── UpstreamTimeout       504   upstream_timeout
    │   └── InternalError         500   internal_error; `x-should-retry: false` where a retry cannot help
    ├── DrawingCancelled                the caller left; nobody waits for an answer
    ├── ConfigurationError              a setting, a file or a folder that the operator can mend
    ├── ModelLoadError                  a checkpoint that is missing, corrupt or refused
    └── ProtocolError                   a peer process spoke another version or nonsense

The shape on the wire is OpenAI's: `{"error": {"message", "type", "param", "code"}}`
(https://platform.openai.com/docs/guides/error-codes/api-errors).
"""

# Tested in tests/api/test_errors.py.

from __future__ import annotations

import math
from collections.abc import Mapping


class SafelightError(Exception):
    """Anything that Safelight says on purpose."""


class ApiError(SafelightError):
    """An answer that is not a success. `headers` holds lower-case names."""

    status = 500
    type = "server_error"
    default_code = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.param = param
        self.headers = dict(headers or {})

    def body(self) -> dict[str, dict[str, str | None]]:
        """The JSON object of the answer."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


class InvalidRequest(ApiError):
    status = 400
    type = "invalid_request_error"
    default_code = "invalid_value"


class AuthenticationFailed(ApiError):
    status = 401
    type = "authentication_error"
    default_code = "invalid_api_key"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"www-authenticate": "Bearer"})


class NotAllowed(ApiError):
    status = 403
    type = "authorization_error"
    default_code = "model_not_allowed"


class NotFound(ApiError):
    status = 404
    type = "invalid_request_error"
    default_code = "not_found"


class MethodNotAllowed(ApiError):
    status = 405
    type = "invalid_request_error"
    default_code = "method_not_allowed"


class RequestTimeout(ApiError):
    status = 408
    type = "invalid_request_error"
    default_code = "request_timeout"


class Gone(ApiError):
    status = 410
    type = "invalid_request_error"
    default_code = "link_expired"


class RequestTooLarge(ApiError):
    status = 413
    type = "invalid_request_error"
    default_code = "request_too_large"


class UnsupportedMediaType(ApiError):
    status = 415
    type = "invalid_request_error"
    default_code = "unsupported_media_type"


class MisdirectedRequest(ApiError):
    status = 421
    type = "invalid_request_error"
    default_code = "misdirected_request"


class HeadTooLarge(ApiError):
    status = 431
    type = "invalid_request_error"
    default_code = "request_header_fields_too_large"


MAX_RETRY_AFTER_SECONDS = 120


def retry_after(seconds: float) -> dict[str, str]:
    """`Retry-After` (RFC 9110, 10.2.3) in whole seconds, at least 1 and at most 120."""
    whole = int(-(-seconds // 1))
    return {"retry-after": str(max(1, min(MAX_RETRY_AFTER_SECONDS, whole)))}


class RateLimited(ApiError):
    status = 429
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"


class QuotaExceeded(RateLimited):
    """A quota is used up for so many seconds. `Retry-After` says them all: an SDK that would wait and ask again by
    itself is told not to."""

    default_code = "quota_exceeded"

    def __init__(self, message: str, seconds: float) -> None:
        headers = {"retry-after": str(max(1, math.ceil(seconds)))}
        if seconds > MAX_RETRY_AFTER_SECONDS:
            headers["x-should-retry"] = "false"
        super().__init__(message, headers=headers)


class Unavailable(ApiError):
    status = 503
    default_code = "engine_overloaded"

    def __init__(self, message: str, *, code: str, retry_after_seconds: float) -> None:
        super().__init__(message, code=code, headers=retry_after(retry_after_seconds))


class StoreUnavailable(Unavailable):
    """The database cannot be reached just now: what was asked of it may be asked again. The message holds no SQL, no
    value, no password and no path."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="database_unavailable", retry_after_seconds=5.0)


class FilesUnavailable(Unavailable):
    """The place where pictures are kept does not answer just now: what was asked of it may be asked again. The message
    holds no address and no path."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="storage_unavailable", retry_after_seconds=5.0)


class UpstreamFailed(ApiError):
    """A server that we pass requests on to did not do its part."""

    status = 502
    default_code = "upstream_error"


class UpstreamTimeout(UpstreamFailed):
    status = 504
    default_code = "upstream_timeout"


class PassedOn(ApiError):
    """An upstream's own refusal of a request, with its status (400 to 499), in our shape."""

    type = "invalid_request_error"
    default_code = "upstream_error"

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message, code=code, param=param)
        self.status = status


class InternalError(ApiError):
    """Something broke on our side. `retry_helps` is said to SDKs in `x-should-retry`."""

    def __init__(self, message: str, *, retry_helps: bool = True) -> None:
        super().__init__(message, headers={} if retry_helps else {"x-should-retry": "false"})


class DrawingCancelled(SafelightError):
    """Everyone who waited for this picture has left."""


class ConfigurationError(SafelightError):
    """Something that the operator wrote, or a folder or file that Safelight needs, is not as it must be."""


class ModelLoadError(SafelightError):
    """A checkpoint cannot be served; the message says why and what to do, without a path."""


class ProtocolError(SafelightError):
    """The other end of the engine's socket spoke another version, or not our protocol."""
