namespace Sluice.FireWire.Bus;

/// <summary>Speeds, as PHYs and packets code them. Source: IEEE 1394a-2000, table 5B-1; 1394b-2002 for S800.</summary>
public enum Speed : byte
{
    S100,
    S200,
    S400,
    S800,
}

/// <summary>Transaction codes. Source: IEEE 1394-1995, table 6-9.</summary>
public enum Tcode : byte
{
    WriteQuadlet = 0,
    WriteBlock = 1,
    WriteResponse = 2,
    ReadQuadlet = 4,
    ReadBlock = 5,
    ReadQuadletResponse = 6,
    ReadBlockResponse = 7,
    CycleStart = 8,
    Lock = 9,
    Stream = 0xA,
    LockResponse = 0xB,

    /// <summary>Two quadlets between PHYs, the second the inverse of the first; within a link only.</summary>
    Phy = 0xE,
}

/// <summary>What a lock does. Source: IEEE 1394-1995, table 6-10.</summary>
public enum LockOperation : ushort
{
    MaskSwap = 1,
    CompareSwap = 2,
    FetchAdd = 3,
    LittleAdd = 4,
    BoundedAdd = 5,
    WrapAdd = 6,
}

/// <summary>Acknowledge codes. Source: IEEE 1394-1995, table 6-13; 1394a-2000 for tardy and the two errors after it.</summary>
public enum Ack : byte
{
    /// <summary>No acknowledge came; never on the bus.</summary>
    Missing = 0,
    Complete = 1,
    Pending = 2,
    BusyX = 4,
    BusyA = 5,
    BusyB = 6,
    Tardy = 0xB,
    ConflictError = 0xC,
    DataError = 0xD,
    TypeError = 0xE,
    AddressError = 0xF,
}

/// <summary>Response codes. Source: IEEE 1394-1995, table 6-11.</summary>
public enum Rcode : byte
{
    Complete = 0,
    ConflictError = 4,
    DataError = 5,
    TypeError = 6,
    AddressError = 7,
}

/// <summary>What is true of codes.</summary>
public static class CodeFacts
{
    extension(Tcode code)
    {
        /// <summary>Quadlets of the header without its CRC; 0 for what is no packet.</summary>
        public int HeaderQuadlets => code switch
        {
            Tcode.Stream => 1,
            Tcode.Phy => 2,
            Tcode.WriteResponse or Tcode.ReadQuadlet => 3,
            Tcode.WriteQuadlet or Tcode.WriteBlock or Tcode.ReadBlock or Tcode.ReadQuadletResponse or Tcode.ReadBlockResponse or
                Tcode.CycleStart or Tcode.Lock or Tcode.LockResponse => 4,
            _ => 0,
        };

        /// <summary>Whether data and its CRC follow the header.</summary>
        public bool HasData => code is Tcode.WriteBlock or Tcode.ReadBlockResponse or Tcode.Lock or Tcode.LockResponse or Tcode.Stream;

        public bool IsRequest => code is Tcode.WriteQuadlet or Tcode.WriteBlock or Tcode.ReadQuadlet or Tcode.ReadBlock or Tcode.Lock;

        public bool IsResponse => code is Tcode.WriteResponse or Tcode.ReadQuadletResponse or Tcode.ReadBlockResponse or Tcode.LockResponse;
    }

    extension(Speed speed)
    {
        /// <summary>The most data of an asynchronous packet. Source: IEEE 1394-1995, table 6-4.</summary>
        public int MostAsynchronousBytes => 512 << (int)speed;

        /// <summary>The most data of an isochronous packet. Source: IEEE 1394-1995, table 6-5.</summary>
        public int MostIsochronousBytes => 1024 << (int)speed;
    }

    extension(Ack ack)
    {
        public bool IsBusy => ack is Ack.BusyX or Ack.BusyA or Ack.BusyB;
    }
}
