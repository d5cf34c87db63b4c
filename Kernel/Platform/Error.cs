namespace Sluice;

/// <summary>Why something could not be done. A result of this type must be looked at, or be ignored in words.</summary>
[MustUse]
public enum Error : byte
{
    None,

    /// <summary>The device no longer answers (its registers read as all ones): it was pulled, or has died.</summary>
    DeviceGone,

    /// <summary>The device did not do in time what its datasheet promises.</summary>
    Timeout,

    /// <summary>The device, or what it says about itself, is not what the driver is made for.</summary>
    NotSupported,

    /// <summary>Somebody else has it, or it is still at work.</summary>
    Busy,

    /// <summary>Memory, address space, vectors or table entries ran out.</summary>
    NoResources,

    /// <summary>What the device says cannot be true.</summary>
    Malformed,

    /// <summary>More bytes than can be served at once.</summary>
    TooLarge,
}

/// <summary>Errors as text.</summary>
public static class ErrorNames
{
    extension(Error error)
    {
        /// <summary>For people.</summary>
        public System.ReadOnlySpan<byte> Text => error switch
        {
            Error.None => "no error"u8,
            Error.DeviceGone => "the device is gone"u8,
            Error.Timeout => "the device did not answer in time"u8,
            Error.NotSupported => "not supported"u8,
            Error.Busy => "busy"u8,
            Error.NoResources => "out of resources"u8,
            Error.Malformed => "the device contradicts itself"u8,
            Error.TooLarge => "too large"u8,
            _ => "unknown error"u8,
        };
    }
}
