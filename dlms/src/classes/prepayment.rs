//! Account, Credit, Charge and Token gateway, classes 111, 112, 113 and 115 \[BB 4.6.2 to 4.6.5\], as data: amounts
//! are kept and changed by their methods, and nothing is collected by itself.

use super::object::{attributes, no_parameter, parameter, stored_attributes};
use super::value::structure;
use super::{AttributeReference, Bits, Effect, Effects, Enumerated, List, Moment, Object, Octets};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::{Data, Encoder};
use crate::cosem::{ClockTime, LogicalName};
use crate::specs::objects::{
    CHARGE_TABLE_MAX, CREDITS_MAX, CURRENCY_LEN_MAX, NAME_LEN_MAX, TOKEN_DESCRIPTIONS_MAX, TOKEN_LEN_MAX,
};

structure! {
    /// account_mode_and_status.
    AccountStatus {
        /// 1 credit, 2 prepayment.
        mode: Enumerated,
        /// 1 new, 2 active, 3 closed.
        status: Enumerated,
    }
}

structure! {
    /// credit_charge_configuration_element.
    CreditCharge {
        /// The credit.
        credit: LogicalName,
        /// The charge.
        charge: LogicalName,
        /// When it is collected from it.
        collection: Bits<8>,
    }
}

structure! {
    /// token_gateway_configuration_element.
    TokenShare {
        /// The credit.
        credit: LogicalName,
        /// Per cent of a token.
        proportion: u8,
    }
}

/// A utf8-string that names a currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrencyName(heapless::String<CURRENCY_LEN_MAX>);

impl CurrencyName {
    /// A name, if it is not too long.
    pub fn new(name: &str) -> Option<Self> {
        heapless::String::try_from(name).ok().map(Self)
    }
}

impl super::Value for CurrencyName {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        if let Data::Utf8String(name) = *data { Self::new(name) } else { None }
    }
    fn encode(&self, out: &mut Encoder<'_>) {
        out.utf8_string(&self.0);
    }
}

structure! {
    /// currency.
    Currency {
        /// Its name.
        name: CurrencyName,
        /// Amounts are so many tens of the unit.
        scale: i8,
        /// 0 time, 1 consumption, 2 money.
        unit: Enumerated,
    }
}

attributes! {
    /// What binds credits and charges together.
    Account: ACCOUNT {
        /// Mode and status.
        [2] mode_and_status: AccountStatus,
        /// Index of the credit in use.
        [3] current_credit_in_use: u8,
        /// Whether credits are in use, low, exhausted.
        [4] current_credit_status: Bits<8>,
        /// What is left of all credits.
        [5] available_credit: i32,
        /// What must be paid before reconnection.
        [6] amount_to_clear: i32,
        /// What is left to be paid then.
        [7] clearance_threshold: i32,
        /// All debts.
        [8] aggregated_debt: i32,
        /// The credits.
        [9] credit_reference_list: List<LogicalName, CREDITS_MAX>,
        /// The charges.
        [10] charge_reference_list: List<LogicalName, CREDITS_MAX>,
        /// Which charge is collected from which credit.
        [11] credit_charge_configuration: List<CreditCharge, CREDITS_MAX>,
        /// How tokens are shared out.
        [12] token_gateway_configuration: List<TokenShare, CREDITS_MAX>,
        /// When the account was activated.
        [13] account_activation_time: ClockTime,
        /// When it was closed.
        [14] account_closure_time: ClockTime,
        /// The currency.
        [15] currency: Currency,
        /// Below it credit is low.
        [16] low_credit_threshold: i32,
        /// Below it the next credit is made available.
        [17] next_credit_available_threshold: i32,
        /// The most that is collected in a period of provision.
        [18] max_provision: u16,
        /// That period.
        [19] max_provision_period: i32,
    } kept {} volatile {}
}

impl Account {
    /// A new account without credits and charges.
    pub fn new(currency: Currency) -> Self {
        Self {
            mode_and_status: AccountStatus { mode: Enumerated(1), status: Enumerated(NEW) },
            current_credit_in_use: 0,
            current_credit_status: Bits::zeros(8),
            available_credit: 0,
            amount_to_clear: 0,
            clearance_threshold: 0,
            aggregated_debt: 0,
            credit_reference_list: List::default(),
            charge_reference_list: List::default(),
            credit_charge_configuration: List::default(),
            token_gateway_configuration: List::default(),
            account_activation_time: ClockTime::UNSPECIFIED,
            account_closure_time: ClockTime::UNSPECIFIED,
            currency,
            low_credit_threshold: 0,
            next_credit_available_threshold: 0,
            max_provision: 0,
            max_provision_period: 0,
        }
    }
}

/// account_status \[BB 4.6.2; confidence B\].
const NEW: u8 = 1;
const ACTIVE: u8 = 2;
const CLOSED: u8 = 3;

impl Object for Account {
    stored_attributes!();

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        self.store(attribute, value)
    }

    fn invoke(
        &mut self,
        method: i8,
        data: &Data<'_>,
        at: &Moment,
        _: &mut Effects,
    ) -> Result<(), ActionResult> {
        no_parameter(data)?;
        let time = at.wall.map_or(ClockTime::UNSPECIFIED, ClockTime::of_wall);
        let status = self.mode_and_status.status.0;
        match (method, status) {
            (1, NEW) => {
                (self.mode_and_status.status, self.account_activation_time) = (Enumerated(ACTIVE), time)
            }
            (2, ACTIVE) => {
                (self.mode_and_status.status, self.account_closure_time) = (Enumerated(CLOSED), time)
            }
            (3, CLOSED) => *self = Self::new(self.currency.clone()),
            _ => return Err(ActionResult::OtherReason),
        }
        Ok(())
    }
}

attributes! {
    /// An amount that can be used up.
    Credit: CREDIT {
        /// What is left.
        [2] current_credit_amount: i32,
        /// 0 token, 1 reserved, 2 emergency, 3 time based, 4 consumption based.
        [3] credit_type: Enumerated,
        /// The lowest number is used first.
        [4] priority: u8,
        /// Below it a warning is due.
        [5] warning_threshold: i32,
        /// Below it the credit is exhausted.
        [6] limit: i32,
        /// Needs selection, repayment, reset.
        [7] credit_configuration: Bits<8>,
        /// 0 enabled, 1 selectable, 2 invoked, 3 in use, 4 exhausted.
        [8] credit_status: Enumerated,
        /// What it begins with when it is invoked.
        [9] preset_credit_amount: i32,
        /// Below it the credit becomes selectable.
        [10] credit_available_threshold: i32,
        /// When a periodic credit begins anew.
        [11] period: ClockTime,
    } kept {} volatile {}
}

impl Credit {
    /// An empty credit.
    pub fn new(credit_type: u8) -> Self {
        Self {
            current_credit_amount: 0,
            credit_type: Enumerated(credit_type),
            priority: 1,
            warning_threshold: 0,
            limit: 0,
            credit_configuration: Bits::zeros(8),
            credit_status: Enumerated(0),
            preset_credit_amount: 0,
            credit_available_threshold: 0,
            period: ClockTime::UNSPECIFIED,
        }
    }
}

impl Object for Credit {
    stored_attributes!();

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        self.store(attribute, value)
    }

    fn invoke(
        &mut self,
        method: i8,
        data: &Data<'_>,
        _: &Moment,
        effects: &mut Effects,
    ) -> Result<(), ActionResult> {
        let before = self.current_credit_amount;
        self.current_credit_amount = match method {
            1 => before.checked_add(parameter(data)?).ok_or(ActionResult::OtherReason)?,
            2 => parameter(data)?,
            _ => {
                no_parameter(data)?;
                self.credit_status = Enumerated(INVOKED);
                self.preset_credit_amount
            }
        };
        effects.push(Effect::Accounted { amount: self.current_credit_amount.saturating_sub(before) });
        Ok(())
    }
}

/// credit_status \[BB 4.6.3; confidence B\].
const INVOKED: u8 = 2;

structure! {
    /// charge_per_unit_scaling.
    ChargeScaling {
        /// Of the commodity.
        commodity: i8,
        /// Of the price.
        price: i8,
    }
}

structure! {
    /// charge_table_element.
    ChargeRate {
        /// Which rate.
        index: Octets<NAME_LEN_MAX>,
        /// Its price.
        charge_per_unit: i16,
    }
}

structure! {
    /// unit_charge.
    UnitCharge {
        /// The scaling.
        scaling: ChargeScaling,
        /// What is charged for.
        commodity: AttributeReference,
        /// The prices.
        table: List<ChargeRate, CHARGE_TABLE_MAX>,
    }
}

attributes! {
    /// An amount that is collected from credits.
    Charge: CHARGE {
        /// What was paid so far.
        [2] total_amount_paid: i32,
        /// 0 consumption based, 1 time based, 2 payment event based.
        [3] charge_type: Enumerated,
        /// The lowest number is collected first.
        [4] priority: u8,
        /// The prices in force.
        [5] unit_charge_active: UnitCharge,
        /// The prices that are prepared.
        [6] unit_charge_passive: UnitCharge,
        /// When they come into force.
        [7] unit_charge_activation_time: ClockTime,
        /// Seconds between collections.
        [8] period: u32,
        /// Percentage based, continuous.
        [9] charge_configuration: Bits<8>,
        /// When it was collected last.
        [10] last_collection_time: ClockTime,
        /// How much.
        [11] last_collection_amount: i32,
        /// What is left to be collected.
        [12] total_amount_remaining: i32,
        /// The share of a token, in ten thousandths.
        [13] proportion: u16,
    } kept {} volatile {}
}

impl Charge {
    /// A charge of nothing.
    pub fn new(charge_type: u8) -> Self {
        let nothing = UnitCharge {
            scaling: ChargeScaling { commodity: 0, price: 0 },
            commodity: AttributeReference::NONE,
            table: List::default(),
        };
        Self {
            total_amount_paid: 0,
            charge_type: Enumerated(charge_type),
            priority: 1,
            unit_charge_active: nothing.clone(),
            unit_charge_passive: nothing,
            unit_charge_activation_time: ClockTime::UNSPECIFIED,
            period: 0,
            charge_configuration: Bits::zeros(8),
            last_collection_time: ClockTime::UNSPECIFIED,
            last_collection_amount: 0,
            total_amount_remaining: 0,
            proportion: 0,
        }
    }

    /// update_unit_charge: prices of the prepared table, by their rates.
    fn update(&mut self, rates: &List<ChargeRate, CHARGE_TABLE_MAX>) -> Result<(), ActionResult> {
        let table = &mut self.unit_charge_passive.table;
        let put = |rate: &ChargeRate| table.put(rate.clone(), |held| held.index == rate.index);
        if rates.iter().all(put) { Ok(()) } else { Err(ActionResult::OtherReason) }
    }

    fn collect(&mut self, time: ClockTime) {
        let amount = self.total_amount_remaining;
        self.total_amount_paid = self.total_amount_paid.saturating_add(amount);
        (self.last_collection_amount, self.last_collection_time) = (amount, time);
        self.total_amount_remaining = 0;
    }
}

impl Object for Charge {
    stored_attributes!();

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        self.store(attribute, value)
    }

    fn invoke(
        &mut self,
        method: i8,
        data: &Data<'_>,
        at: &Moment,
        effects: &mut Effects,
    ) -> Result<(), ActionResult> {
        let before = self.total_amount_remaining;
        match method {
            1 => return self.update(&parameter(data)?),
            2 => {
                no_parameter(data)?;
                self.unit_charge_active = self.unit_charge_passive.clone();
            }
            3 => {
                no_parameter(data)?;
                self.collect(at.wall.map_or(ClockTime::UNSPECIFIED, ClockTime::of_wall));
            }
            4 => {
                let amount = before.checked_add(parameter(data)?);
                self.total_amount_remaining = amount.ok_or(ActionResult::OtherReason)?;
            }
            _ => self.total_amount_remaining = parameter(data)?,
        }
        effects.push(Effect::Accounted { amount: self.total_amount_remaining.saturating_sub(before) });
        Ok(())
    }
}

structure! {
    /// token_status.
    TokenStatus {
        /// 0 format ok, 1 authentication ok, 2 validation ok, 3 execution ok, 4 format failure, ..
        code: Enumerated,
        /// More, by the code.
        data: Bits<32>,
    }
}

attributes! {
    /// Where tokens come in. Tokens are kept and their format checked; what they are worth is not known here.
    TokenGateway: TOKEN_GATEWAY {
        /// The last.
        [2] token: Octets<TOKEN_LEN_MAX>,
        /// When it came.
        [3] token_time: ClockTime,
        /// What it is.
        [4] token_description: List<Octets<NAME_LEN_MAX>, TOKEN_DESCRIPTIONS_MAX>,
        /// 0 remote, 1 local, 2 manual.
        [5] token_delivery_method: Enumerated,
        /// What has become of it.
        [6] token_status: TokenStatus,
    } kept {} volatile {}
}

impl TokenGateway {
    /// No token has come.
    pub fn new() -> Self {
        Self {
            token: Octets::default(),
            token_time: ClockTime::UNSPECIFIED,
            token_description: List::default(),
            token_delivery_method: Enumerated(0),
            token_status: TokenStatus { code: Enumerated(0), data: Bits::zeros(0) },
        }
    }
}

impl Default for TokenGateway {
    fn default() -> Self {
        Self::new()
    }
}

/// token_status_code \[BB 4.6.5; confidence B\].
const FORMAT_OK: u8 = 0;

impl Object for TokenGateway {
    stored_attributes!();

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        self.store(attribute, value)
    }

    fn invoke(&mut self, _: i8, data: &Data<'_>, at: &Moment, _: &mut Effects) -> Result<(), ActionResult> {
        let token: Octets<TOKEN_LEN_MAX> = parameter(data)?;
        if token.as_slice().is_empty() {
            return Err(ActionResult::OtherReason);
        }
        self.token = token;
        self.token_time = at.wall.map_or(ClockTime::UNSPECIFIED, ClockTime::of_wall);
        self.token_status = TokenStatus { code: Enumerated(FORMAT_OK), data: Bits::zeros(0) };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::test;
    use alloc::vec::Vec;

    fn act(object: &mut dyn Object, method: i8, parameter: &[u8]) -> Result<Vec<Effect>, ActionResult> {
        let mut effects = Effects::default();
        let parameter = Data::from_bytes(parameter).unwrap();
        object.invoke(method, &parameter, &test::at(11, 22, 10, 0, 0), &mut effects)?;
        Ok(effects.take())
    }

    fn account() -> Account {
        Account::new(Currency { name: CurrencyName::new("EUR").unwrap(), scale: -2, unit: Enumerated(2) })
    }

    #[test]
    fn an_account_is_activated_closed_and_begun_anew_in_this_order() {
        let mut account = account();
        test::check(&account, &test::UNSET);
        assert_eq!(act(&mut account, 2, &[15, 0]), Err(ActionResult::OtherReason));
        assert_eq!(act(&mut account, 1, &[15, 0]), Ok(Vec::new()));
        assert_ne!(account.account_activation_time, ClockTime::UNSPECIFIED);
        assert_eq!(act(&mut account, 1, &[15, 0]), Err(ActionResult::OtherReason));
        assert_eq!(act(&mut account, 2, &[15, 0]), Ok(Vec::new()));
        assert_eq!(act(&mut account, 3, &[15, 0]), Ok(Vec::new()));
        assert_eq!(account, self::account());
    }

    #[test]
    fn credits_are_added_to_set_and_never_overflow() {
        let mut credit = Credit::new(0);
        test::check(&credit, &test::UNSET);
        assert_eq!(
            act(&mut credit, 1, &[5, 0, 0, 0, 100]),
            Ok(Vec::from([Effect::Accounted { amount: 100 }]))
        );
        assert_eq!(
            act(&mut credit, 1, &[5, 0xFF, 0xFF, 0xFF, 0xFF]),
            Ok(Vec::from([Effect::Accounted { amount: -1 }]))
        );
        assert_eq!(act(&mut credit, 1, &[5, 0x7F, 0xFF, 0xFF, 0xFF]), Err(ActionResult::OtherReason));
        assert_eq!(credit.current_credit_amount, 99);
        credit.preset_credit_amount = 500;
        assert!(act(&mut credit, 3, &[15, 0]).is_ok());
        assert_eq!((credit.current_credit_amount, credit.credit_status), (500, Enumerated(2)));
        assert_eq!(act(&mut credit, 2, &[17, 1]), Err(ActionResult::TypeUnmatched));
    }

    #[test]
    fn charges_are_collected_and_prices_prepared_and_activated() {
        let mut charge = Charge::new(0);
        assert!(act(&mut charge, 5, &[5, 0, 0, 1, 0]).is_ok());
        assert!(act(&mut charge, 4, &[5, 0, 0, 0, 1]).is_ok());
        assert!(act(&mut charge, 3, &[15, 0]).is_ok());
        assert_eq!((charge.total_amount_paid, charge.total_amount_remaining), (257, 0));
        assert!(act(&mut charge, 1, &[1, 1, 2, 2, 9, 1, 1, 16, 0, 25]).is_ok());
        assert!(charge.unit_charge_active.table.is_empty());
        assert!(act(&mut charge, 2, &[15, 0]).is_ok());
        assert_eq!(charge.unit_charge_active.table.as_slice()[0].charge_per_unit, 25);
        test::check(&charge, &test::UNSET);
    }

    #[test]
    fn a_token_is_kept_with_its_time_and_none_is_refused() {
        let mut gateway = TokenGateway::new();
        assert_eq!(act(&mut gateway, 1, &[9, 0]), Err(ActionResult::OtherReason));
        assert_eq!(act(&mut gateway, 1, &[9, 2, 1, 2]), Ok(Vec::new()));
        assert_eq!(gateway.token.as_slice(), [1, 2]);
        assert_ne!(gateway.token_time, ClockTime::UNSPECIFIED);
        test::check(&gateway, &test::UNSET);
    }
}
